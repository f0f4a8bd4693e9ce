"""A story as a space-time diagram in text: time goes down, each machine has a lane, a line for each moment.

       1.3072  ├──────▶       │       │       │       │  c15 asks teller: {"from": "0", "to": "1", ...
       1.3571  │       │      ├───────────────▶       │  commit of domain 4 in epoch 2: account/5 ...

A message stands where it was sent, and again where it arrives if that is much later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from radon.backends.simulation.world import MILLISECOND, SECOND
from radon.testing.simulation.moments import Moment
from radon.testing.simulation.story import Story

LATE = 20 * MILLISECOND
"""What arrives so many ns after it was sent has a line of its own there."""

TIME = 11
"""Columns of the time."""

PAGE = 50
"""Lines between two that name the lanes."""

LANE = {"": "│", "still": "┊", "down": " "}
MARKS = {"fault": "▒", "violation": "✗", "life": "◆"}


class Line(NamedTuple):
    at: int
    moment: Moment
    arrives: bool  # what was sent long ago


def diagram(
    story: Story, *, width: int, atom: str = "", begin: int = 0, end: int | None = None, everything: bool = False
) -> Iterator[str]:
    """Lines no longer than `width`. `atom`: only what has to do with it. `begin`, `end`: ns of the world.

    What goes on all the time - renewals, confirmations, the log's answers - is left out unless `everything` is wanted.
    """
    moments = story.about(atom) if atom else story.moments
    last = story.end if end is None else end
    shown = [moment for moment in moments if everything or not moment.minor]
    columns = Columns(story, width)
    for number, line in enumerate(line for line in _lines(shown) if begin <= line.at <= last):
        if number % PAGE == 0:
            yield columns.head()
        yield columns.line(line)


def _lines(moments: Iterable[Moment]) -> list[Line]:
    lines = []
    for moment in moments:
        lines.append(Line(moment.at, moment, arrives=False))
        for number, arrival in enumerate(sorted(moment.arrivals)):
            if number or arrival - moment.at >= LATE:
                lines.append(Line(arrival, moment, arrives=True))
    return sorted(lines, key=lambda line: line.at)


class Columns:
    """Where the lanes are in a line of `width`; the text has what is left."""

    def __init__(self, story: Story, width: int) -> None:
        self._story, self._width = story, width
        names = story.lanes
        self._each = max(6, min(9, (width - TIME) // (2 * len(names))))
        self._at = {name: number * self._each + self._each // 2 for number, name in enumerate(names)}

    def head(self) -> str:
        names = "".join(name[: self._each - 1].center(self._each) for name in self._story.lanes)
        return f"{'seconds':>{TIME - 2}}  {names}".rstrip()

    def line(self, line: Line) -> str:
        cells = [" "] * (self._each * len(self._at))
        for lane, at in self._at.items():
            cells[at] = LANE[self._story.state(lane, line.at)]
        self._draw(cells, line)
        text = f"{line.at / SECOND:{TIME - 2}.4f}  {''.join(cells)} {_text(line)}"
        return text if cell_len(text) <= self._width else f"{set_cell_size(text, self._width - 1)}…"

    def _draw(self, cells: list[str], line: Line) -> None:
        moment = line.moment
        if not moment.to or moment.to == moment.lane:
            mark = MARKS.get(moment.kind, "●")
            for at in [self._at[moment.lane]] if moment.lane else self._at.values():
                cells[at] = mark
            return
        source, target = self._at[moment.lane], self._at[moment.to]
        step = 1 if source < target else -1
        for at in range(source + step, target, step):
            cells[at] = "┄" if line.arrives else "─"
        cells[target] = "▶" if step > 0 else "◀"
        if line.arrives:
            return
        cells[source] = "├" if step > 0 else "┤"
        if moment.lost:
            cells[target - step] = "✗"
            cells[target] = LANE[self._story.state(moment.to, line.at)]


def _text(line: Line) -> str:
    moment = line.moment
    if line.arrives:
        return f"(sent at {moment.at / SECOND:.4f}) {moment.text}"
    notes = []
    if moment.lost:
        notes.append("it is down" if moment.lost == "down" else f"lost: {moment.lost}")
    if len(moment.arrivals) > 1:
        notes.append("twice")
    if moment.kind in ("fault", "violation"):
        notes.append(moment.kind)
    return f"[{', '.join(notes)}] {moment.text}" if notes else moment.text
