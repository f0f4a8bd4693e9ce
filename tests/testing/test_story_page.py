"""The page of a story, opened in headless Chromium."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from radon.abi import records as r
from radon.abi.delivery import Address
from radon.backends.simulation import story as e
from radon.backends.simulation.faults import Fault
from radon.backends.simulation.world import MILLISECOND, SECOND
from radon.testing.simulation.page import page
from radon.testing.simulation.story import Story
from tests.testing.chromium import visit
from tests.testing.stories import FROM, HOSTS, TO, committed, mail, said

EVIL = "</script><script>console.error('run')</script><img src=x onerror=console.error(2)><!--<script>&lt;\u2028$data"
"""A guest may name its atoms so, and say so."""


def short() -> Story:
    """A second in which something of everything happens."""
    story = Story(HOSTS, 6)
    cut = Fault("partition", 0, SECOND, (("h1",), ("h2", "h3", "log", "registry")), 0.5)
    crash = Fault("crash", 0, SECOND, (("h3",),), 0.5)
    rain = Fault("loss", 0, SECOND, (("h1",), ("h2",)), 0.5)
    for now, event in [
        (0, e.Holds("h2", "runs", 5, 1)),
        (30, said("h1", "h2", mail(0, 1, 1, FROM, TO, b"hello"), 32, 120)),
        (60, said("h1", "h2", mail(0, 1, 2, Address(EVIL, EVIL), TO, EVIL.encode()), lost="loss")),
        (90, committed(1, 1, "h2", r.At("account", "2"), r.Put("b", EVIL.encode(), b"v"))),
        (100, e.Befalls(0, cut, ends=False)),
        (200, e.Befalls(1, crash, ends=False)),
        (200, e.Lives("h3", "down")),
        (300, e.Befalls(2, rain, ends=False)),
        (500, e.Befalls(0, cut, ends=True)),
        (600, e.Lives("h3", "up")),
        (700, said("h2", "h1", mail(0, 1, 1, Address("account", "3"), TO, b"later"), 701)),
        (1000, e.Violated(f"does not hold {EVIL}")),
    ]:
        story.hear(now * MILLISECOND, event)
    return story


@pytest.mark.debian("chromium")
def test_lanes_messages_and_faults_are_drawn(tmp_path: Path) -> None:
    visited = visit(page(short(), EVIL), tmp_path, probe="""
        show(0, story.end); draw();
        const count = (selector) => diagram.querySelectorAll(selector).length;
        return {
            title: document.title, scripts: document.scripts.length, images: document.images.length,
            lanes: [...diagram.querySelectorAll(".name")].map((name) => name.textContent),
            mail: count("path.mail"), lost: count("path.lost"), commits: count("path.log"),
            domains: count("circle.domain"),
            cut: count("rect.span.other"), everywhere: count("rect.span.everywhere"), down: count("line.lane.down"),
            violation: [document.getElementById("violation").textContent, count("line.violation")],
            violet: getComputedStyle(diagram.querySelector("circle.domain")).fill,
        };
    """)  # fmt: skip
    assert visited.console == []
    found = visited.found
    assert (found["title"], found["scripts"], found["images"]) == (EVIL, 3, 0), "nothing of it became an element"
    assert found["lanes"] == ["clients", *HOSTS, "log", "registry"]
    assert (found["mail"], found["lost"], found["commits"], found["domains"]) == (4, 1, 1, 1)
    assert (found["cut"], found["everywhere"], found["down"]) == (4, 1, 1)
    assert found["violation"][0].startswith("1.0000 s: does not hold </script>")
    assert found["violation"][1] == 1
    assert found["violet"] == "rgb(128, 32, 160)"


@pytest.mark.debian("chromium")
def test_the_filters_filter_and_what_is_pointed_at_is_told(tmp_path: Path) -> None:
    visited = visit(page(short(), "bank"), tmp_path, fragment="from=0&length=1&atom=account/3", probe="""
        const texts = () => [...diagram.querySelectorAll("text[data-moment]")].map((text) => text.textContent);
        const input = document.getElementById("atom"), kinds = (kind) => document.getElementById(`kind-${kind}`);
        const enter = (atom) => { input.value = atom; input.dispatchEvent(new Event("input")); draw(); };
        const found = { fromTheFragment: texts() };
        enter("account/1"); found.one = texts();
        enter("nobody"); found.nobody = [texts(), input.validationMessage];
        enter(""); found.all = texts();
        for (const kind of ["fault", "life", "log", "domain"]) kinds(kind).click();
        draw(); found.mail = texts();
        const arrow = drawn.find((line) => line.moment.text.includes("later") && line.x2 < 800);
        point((arrow.x1 + arrow.x2) / 2, (arrow.y1 + arrow.y2) / 2);
        found.told = detail.textContent;
        found.hot = diagram.querySelectorAll(".hot").length;
        diagram.dispatchEvent(new WheelEvent("wheel", { deltaY: 100 }));
        found.wheeled = view.from > 0;
        KEYS["+"](); found.zoomed = view.length;
        found.options = document.getElementById("atoms").options.length;
        return found;
    """)  # fmt: skip
    assert visited.console == []
    found = visited.found
    wrong = ["partition h1 | h2 h3 log registry for 1.000s", "crash h3 for 1.000s", "loss for 1.000s"]
    for texts in (found["fromTheFragment"], found["one"], found["nobody"][0]):
        assert [text for text in texts if text in wrong] == wrong, "what goes wrong belongs to every story"
    mail = "0→1 #1: account/{} → account/2 message {}"
    assert mail.format(3, "later") in found["fromTheFragment"]
    assert mail.format(3, "later") not in found["one"]
    assert f"[twice] {mail.format(1, 'hello')}" in found["one"]
    assert not any("account/" in text for text in found["nobody"][0])
    assert found["nobody"][1] == "no such atom in this story"
    assert any("runs 5.1" in text for text in found["all"])
    assert len(found["mail"]) == 4, "three messages and the violation"
    assert "[lost: loss]" in found["mail"][1]
    assert found["told"].startswith("0.700000 s  h2 → h1, there at 0.701000  (mail)\n")
    assert "atoms: account/3, account/2" in found["told"]
    assert (found["hot"], found["wheeled"], found["zoomed"], found["options"]) == (2, True, 500_000, 4)


@pytest.mark.debian("chromium")
def test_a_long_story_is_drawn_as_far_as_it_can_be_seen(tmp_path: Path) -> None:
    story = Story(HOSTS, 6)
    for number in range(20_000):
        source, target = HOSTS[number % 3], HOSTS[(number + 1) % 3]
        sender = Address("account", str(number % 100))
        event = said(source, target, mail(0, 1, number + 1, sender, TO, b"x"), number + 2)
        story.hear(number * MILLISECOND, event)
    visited = visit(page(story, "long"), tmp_path, probe="""
        const shapes = () => { draw(); return diagram.querySelectorAll("[data-moment]").length; };
        const found = { atFirst: shapes() };
        show(0, story.end); found.all = shapes(); found.count = document.getElementById("count").textContent;
        show(10e6, 0.04e6); found.near = shapes();
        return found;
    """)  # fmt: skip
    assert visited.console == []
    assert visited.found["all"] < 4200
    assert visited.found["atFirst"] < 2200
    assert 80 <= visited.found["near"] <= 90, "40 arrows, and a text for each"
    assert re.fullmatch(r"20000 of 20000 moments, 20000 in view, \d+ of them behind others", visited.found["count"])


@pytest.mark.debian("chromium")
def test_an_error_on_the_console_would_be_seen(tmp_path: Path) -> None:
    visited = visit(
        page(short(), "bank"), tmp_path, probe="console.error('it is'); setTimeout(() => nowhere); return 1"
    )
    assert len(visited.console) == 2
    assert "it is" in visited.console[0]
    assert "nowhere is not defined" in visited.console[1]


def test_the_page_needs_nothing_but_itself_and_hostile_text_stays_text() -> None:
    text = page(short(), "bank")
    assert "default-src 'none'" in text
    assert set(re.findall(r"https?://[\w./]+", text)) == {"http://www.w3.org/2000/svg"}
    assert text.count("</script>") == 2
    assert "<!--" not in text
    data = re.search(r'id="story">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    found = json.loads(data[1])
    assert found["lanes"] == ["clients", *HOSTS, "log", "registry"]
    assert len(found["moments"]) == 12
    assert any(EVIL[:20] in moment[-1] for moment in found["moments"])


def test_a_story_in_which_nothing_happened_is_a_page_too() -> None:
    assert "<title>empty</title>" in page(Story(HOSTS, 1), "empty")
