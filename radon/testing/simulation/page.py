"""A story as one HTML file, which needs nothing else: no network, no server, no other file.

What is in it comes from guests and clients. It is JSON in which nothing can end the element that it stands in, and the
script sets it as text only.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from radon.testing.simulation.story import KINDS, Story

MICROSECOND = 1000


def page(story: Story, title: str) -> str:
    """The whole file."""
    return Template(_part("html")).substitute(
        title=escape(title), style=_part("css"), script=_part("js"), data=_embedded(_data(story))
    )


def _part(kind: str) -> str:
    return Path(__file__).with_suffix(f".{kind}").read_text(encoding="utf-8")


def _embedded(data: Any) -> str:
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data(story: Story) -> dict[str, Any]:
    """Lanes and atoms by their numbers, -1 for none; times in µs."""
    lanes = {name: number for number, name in enumerate(story.lanes)}
    atoms = {name: number for number, name in enumerate(story.homes)}
    return {
        "end": story.end / MICROSECOND,
        "lanes": story.lanes,
        "kinds": KINDS,
        "atoms": list(atoms),
        "homes": list(story.homes.values()),
        "spans": [
            (
                span.begin / MICROSECOND, span.end / MICROSECOND, span.kind,
                [[lanes[node] for node in group if node in lanes] for group in span.groups], span.text,
            )
            for span in story.spans
        ],
        "moments": [
            (
                moment.at / MICROSECOND, moment.kind, lanes.get(moment.lane, -1), lanes.get(moment.to, -1),
                [arrival / MICROSECOND for arrival in moment.arrivals], moment.lost,
                [atoms[atom] for atom in moment.atoms],
                -1 if moment.domain is None else moment.domain, int(moment.minor), moment.text,
            )
            for moment in story.moments
        ],
    }  # fmt: skip
