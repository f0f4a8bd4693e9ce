"""The story of a simulated run: of the bank, where faults are planned, and of what was never in a run."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest

from radon.abi import crossing as c
from radon.abi import peers as p
from radon.abi import records as r
from radon.abi.delivery import NOWHERE, Address, Delivery
from radon.abi.exchange import Post
from radon.abi.frames import FrameType, encode, encode_all, seal
from radon.backends.program import Program
from radon.backends.simulation import story as e
from radon.backends.simulation.faults import Fault
from radon.backends.simulation.world import MILLISECOND, SECOND
from radon.host.domain import Settings
from radon.testing.simulation import Options, Result, Simulation, State, Workload
from radon.testing.simulation.diagram import diagram
from radon.testing.simulation.moments import Moment
from radon.testing.simulation.story import KINDS, Story, told
from radon.testing.simulation.wording import LONGEST, committed, said, shown
from radon.testing.simulation.workload import load_workload
from tests.examples.conftest import Example, example
from tests.examples.programs import EXAMPLES
from tests.testing.stories import transfer

__all__ = ["example"]  # a fixture, found here by its name

PAGE = (Path(__file__).parents[2] / "docs" / "story.md").read_text(encoding="utf-8")

OPTIONS = Options(span=6 * SECOND, operations=0)
PLAN = [
    Fault("crash", 1 * SECOND, 2 * SECOND, (("h2",),), 0.5),
    Fault("partition", 3 * SECOND, 1 * SECOND, (("h1", "registry"), ("h2", "h3", "log")), 0.5),
    Fault("double", 4 * SECOND, 1 * SECOND, (("h1",), ("h2", "h3", "log", "registry")), 1.0),
    Fault("pause", 4 * SECOND, 1 * SECOND, (("h3",),), 0.5),
]


@pytest.fixture(scope="module")
def bank(example: Example) -> Program:
    application = example("bank")
    return Program(application.digest, application.kinds(), (), Settings())


@pytest.fixture(scope="module")
def workload() -> type[Workload]:
    return load_workload(EXAMPLES / "bank" / "workload.py")


@pytest.fixture(scope="module")
def run(bank: Program, workload: type[Workload]) -> tuple[Result, Story]:
    return told(7, bank, workload, OPTIONS, PLAN)


@pytest.fixture(scope="module")
def story(run: tuple[Result, Story]) -> Story:
    return run[1]


# ---- a run of the bank ----


def test_who_listens_changes_nothing(run: tuple[Result, Story], bank: Program, workload: type[Workload]) -> None:
    assert run[0].violation == ""
    assert run[0].fingerprint == Simulation(7, bank, workload, OPTIONS, plan=PLAN).run().fingerprint


def test_every_moment_stands_in_order_on_a_lane_and_is_of_a_known_kind(story: Story) -> None:
    assert story.lanes == ["clients", "h1", "h2", "h3", "log", "registry"]
    assert [moment.at for moment in story.moments] == sorted(moment.at for moment in story.moments)
    for moment in story.moments:
        assert moment.kind in KINDS, moment
        assert {moment.lane, moment.to} <= {*story.lanes, ""}, moment
        assert all(arrival >= moment.at for arrival in moment.arrivals), moment
        assert bool(moment.arrivals) + bool(moment.lost) == bool(moment.to), moment
        assert moment.text.isprintable(), moment


def test_planned_faults_last_as_long_as_planned_and_lie_on_their_machines(story: Story) -> None:
    spans = {span.kind: span for span in story.spans}
    assert spans["crash"].groups == (("h2",),)
    assert spans["crash"].end - spans["crash"].begin == 2 * SECOND
    assert (spans["down"].begin, spans["down"].end) == (spans["crash"].begin, spans["crash"].end)
    assert spans["partition"].groups == (("h1", "registry"), ("h2", "h3", "log"))
    assert spans["partition"].text == "partition h1 registry | h2 h3 log for 1.000s"
    assert spans["double"].groups == (), "it is the network's, wherever the dice fell"
    assert spans["still"].text == "h3 still"


def test_what_a_fault_does_to_messages_is_told(story: Story) -> None:
    spans = {span.kind: span for span in story.spans}

    def during(kind: str) -> list[Moment]:
        return [moment for moment in story.moments if spans[kind].begin < moment.at < spans[kind].end]

    assert {moment.lost for moment in during("crash") if moment.to == "h2"} == {"down"}
    assert not [moment for moment in during("crash") if moment.lane == "h2" and moment.kind != "fault"]
    cut = {(moment.lane, moment.to) for moment in during("partition") if moment.lost == "partition"}
    assert ("h1", "log") in cut
    assert not cut & {("h1", "registry"), ("h2", "log")}
    assert any(len(moment.arrivals) == 2 for moment in during("double"))
    waits = [moment for moment in during("still") if moment.to == "h3" and moment.arrivals]
    assert waits
    assert all(moment.arrivals[0] >= spans["still"].end for moment in waits)


def test_the_story_of_an_atom_has_what_is_about_it_and_what_goes_wrong(story: Story) -> None:
    moments = story.about("account/3")
    assert 0 < len(moments) < len(story.moments) // 2
    for kind in ("client", "mail", "log"):
        about = [moment for moment in moments if moment.kind == kind]
        assert about, kind
        assert all("account/3" in moment.atoms for moment in about), kind
    home = story.homes["account/3"]
    assert {moment.domain for moment in moments if moment.kind == "domain"} == {home}
    assert [moment for moment in moments if moment.kind == "fault"] == [
        moment for moment in story.moments if moment.kind == "fault"
    ]


def test_a_call_can_be_followed_from_the_client_to_the_log_and_back(story: Story) -> None:
    asked = next(moment for moment in story.moments if moment.kind == "client" and "asks teller" in moment.text)
    once = next(atom for atom in asked.atoms if atom.startswith("@once/"))
    texts = [f"{moment.lane} {moment.to}: {moment.text}" for moment in story.about(once)]
    assert any(text.startswith("clients h") for text in texts)
    assert any(re.search(r" log: \d\.\d commits: .*takes the dedup key", text) for text in texts)
    assert any("is told: teller answers" in text for text in texts)


# ---- the diagram ----


@pytest.mark.parametrize("width", [60, 80, 140])
def test_a_diagram_keeps_to_the_width_and_names_the_lanes(story: Story, width: int) -> None:
    lines = list(diagram(story, width=width))
    assert lines[0].split()[:3] == ["seconds", "clien" if width < 120 else "clients", "h1"]
    assert max(map(len, lines)) <= width
    assert sum(line == lines[0] for line in lines) == -(-len(lines) // 51)


def test_a_diagram_leaves_out_what_goes_on_all_the_time_unless_asked(story: Story) -> None:
    usual, everything = list(diagram(story, width=140)), list(diagram(story, width=140, everything=True))
    assert len(usual) < 0.6 * len(everything)
    assert not any("renew h1" in line for line in usual)
    assert any("renew h1" in line for line in everything)


def test_a_diagram_shows_faults_and_lanes_that_are_down_or_stand_still(story: Story) -> None:
    lines = list(diagram(story, width=140, atom="account/3"))
    begin = next(number for number, line in enumerate(lines) if "[fault] crash h2 for 2.000s" in line)
    end = next(number for number, line in enumerate(lines) if "[fault] crash h2 for 2.000s: over" in line)
    at = lines[begin].index("▒")
    down = {line[at] for line in lines[begin + 2 : end] if "seconds" not in line}
    assert " " in down
    assert "│" not in down
    assert "│" in {line[at] for line in lines[end + 2 :]}
    assert any(line.count("▒") == 6 and "partition" in line for line in lines), "it is the whole cluster's"
    assert any("┊" in line for line in diagram(story, width=140))


def test_a_diagram_of_a_while_has_that_while_only(story: Story) -> None:
    lines = list(diagram(story, width=140, begin=3 * SECOND, end=3 * SECOND + 200 * MILLISECOND))
    times = [float(line.split()[0]) for line in lines if "seconds" not in line]
    assert times
    assert min(times) >= 3
    assert max(times) <= 3.2


def test_a_failing_run_ends_with_its_violation(bank: Program, workload: type[Workload]) -> None:
    class Broken(workload):  # type: ignore[valid-type,misc]
        def invariant(self, state: State) -> None:
            assert state.get("account/5", "account", "book") is None, "account/5 has\x1b[2J money"

    result, story = told(7, bank, Broken, OPTIONS, PLAN)
    assert "account/5 has" in result.violation
    last = list(diagram(story, width=140))[-1]
    assert last.count("✗") == 6
    assert "[violation] account/5 has" in last
    assert "\\x1b[2J money" in last
    before = story.moments[-2]
    assert before.at == story.moments[-1].at
    assert "account/5" in before.atoms, "it is the commit that breaks it"


def test_the_page_of_the_documents_shows_a_story_as_it_is() -> None:
    text = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert text == ["".join(f"{line}\n" for line in diagram(transfer(), width=112))]


# ---- arrows, line by line ----


POST = Post(0, 0, 1, Address("account", "1"), NOWHERE, "", "k", (), b"hello")


def drawn(*told: tuple[int, e.Event], width: int = 78) -> list[str]:
    story = Story(["h1"], 1)
    for now, event in told:
        story.hear(now, event)
    return [line[11:].rstrip() for line in diagram(story, width=width)]


def between_hosts(message: object, **sent: object) -> e.Sent:
    frame = seal(FrameType.PEERS, encode(message))
    given = {"source": "h1", "target": "log", "message": ("h1/1", frame), "arrivals": (1,), "lost": "", **sent}
    return e.Sent(**given)  # type: ignore[arg-type]


MESSAGE = p.Posted(0, 1, 1, 9, encode_all([POST]))


def test_a_message_is_an_arrow_where_it_was_sent() -> None:
    assert drawn((0, between_hosts(MESSAGE))) == [
        "clients    h1     log   registr",
        "    │       ├───────▶       │    0.1 is asked: account/1 hello",
    ]


def test_a_line_is_as_wide_as_a_terminal_shows_it() -> None:
    wide = MESSAGE._replace(post=encode_all([POST._replace(body="日本語".encode() * 20)]))
    assert drawn((0, between_hosts(wide)))[1] == "    │       ├───────▶       │    0.1 is asked: account/1 日本語日 …"


def test_a_late_message_has_a_second_line_where_it_arrives() -> None:
    late = between_hosts(MESSAGE, source="log", target="h1", arrivals=(SECOND,))
    assert drawn((0, late), (2 * SECOND, e.Lives("log", "down")))[1:3] == [
        "    │       ◀───────┤       │    0.1 is asked: account/1 hello",
        "    │       ◀┄┄┄┄┄┄┄│       │    (sent at 0.0000) 0.1 is asked: ac…",
    ]


def test_a_lost_message_does_not_reach_its_lane() -> None:
    assert drawn((0, between_hosts(MESSAGE, arrivals=(), lost="loss")))[1].startswith(
        "    │       ├──────✗│       │    [lost: loss] 0.1 is asked: "
    )


def test_what_is_said_again_is_shown_when_it_is_lost_first_and_when_it_arrives_first() -> None:
    lost, arrived = between_hosts(MESSAGE, arrivals=(), lost="loss"), between_hosts(MESSAGE)
    lines = drawn((0, lost), (1, lost), (2, arrived), (3, arrived), (4, lost))
    assert ["lost" in line for line in lines[1:]] == [True, False]


# ---- words ----


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "plain"),
        ("a/\x1b[31m\u202e", "a/\\x1b[31m\\u202e"),
        (b"\x00\xff", "0x00ff"),
        (b"two\nlines", "0x74776f0a6c696e6573"),
        (b"", ""),
        (b"x" * 200, "x" * (LONGEST - 3) + "..."),
        (Random(1).randbytes(10_000), None),
    ],
)
def test_what_a_guest_wrote_is_shown_on_one_safe_line(value: bytes | str, text: str | None) -> None:
    assert shown(value).isprintable()
    assert len(shown(value)) <= LONGEST
    assert text is None or shown(value) == text


def test_the_turns_of_a_commit_are_told_by_what_they_changed() -> None:
    mail = encode(c.Mail(Address("b", "2"), Delivery(bytes(16), sender=Address("a", "1"), body=b"hi")))
    frame = seal(FrameType.LOG, encode_all([
        r.Step(1, 1), r.At("a", "1"), r.Put("state", b"k", b"v"), r.Left(3, 7, mail),
        r.Step(2, 1), r.Delete("state", b"k"), r.TimerSet(1, 5),
        r.Step(3, 1), r.At("a", "2"), r.Ended(),
    ]))  # fmt: skip
    words = committed(frame)
    assert words.text == ("a/1 state/k = v; a/1 → b/2 message hi (→3 #7); a/1 deletes state/k, sets a timer; a/2 ends")
    assert words.atoms == ("a/1", "b/2", "a/2")
    assert not words.minor
    assert committed(seal(FrameType.LOG, encode_all([r.Step(1, 1), r.LeftGone(1, 1), r.Arrived(1, 2)]))).minor


@pytest.mark.parametrize(
    ("crossing", "text"),
    [
        (c.Answer(bytes(16), 0, Address("a", ""), (), b"yes", Address("b", "")), "b → a answers yes"),
        (c.Answer(bytes(16), 2, Address("a", ""), (), b"no b", NOWHERE), "a fails with not-found: no b"),
        (c.Begin(bytes(16), Address("a", "1"), Address("b", ""), b"args"), "b → a/1 begins it: args"),
        (c.Stop(Address("a", "1")), "a/1 stop"),
        (c.Watch(1, bytes(16), Address("a", ""), Address("b", "")), "b → a watches"),
        (c.Unwatch(bytes(16), Address("a", ""), Address("b", "")), "b → a watches no more"),
        (c.Told(1, bytes(16), 0, 3, Address("a", ""), Address("b", "")), "a → b ended with 3"),
        (c.Exited(3, Address("a", ""), Address("b", "")), "a → b ended with 3"),
    ],
)
def test_each_crossing_has_words(crossing: object, text: str) -> None:
    words = said(seal(FrameType.PEERS, encode(p.Carried(2, 1, 5, encode_all([crossing])))), {})
    assert words.text == f"1→2 #5: {text}"
    assert all(atom.split("/")[0] in "ab" for atom in words.atoms)
