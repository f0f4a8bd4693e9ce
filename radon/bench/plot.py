"""Results as a picture in SVG: for each workload and size the throughput of each store, and its latencies.

Colours are those of Okabe and Ito, which all eyes tell apart; lines have different marks beside.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
MARKS = ("circle", "square", "diamond", "triangle")

NAMES = {"p50": "p50", "p90": "p90", "p99": "p99", "p999": "p99.9", "max": "max"}

WIDTH, HEAD, FOOT = 960, 62, 14
BARS, LABELS, PERCENTILES = 330, 150, 300
"""Widths: of the bars, of the names before them, of the latencies."""

ROW, LEAST, GAP = 26, 150, 54


class Group(NamedTuple):
    """What is compared in one row of the picture."""

    title: str
    results: Sequence[Mapping[str, Any]]


def svg(results: Sequence[Mapping[str, Any]], title: str) -> str:
    """A picture of documents that `results.document` made; those without a run are left out."""
    groups = [*_groups([result for result in results if result["throughput"] is not None])]
    colours = {name: number for number, name in enumerate(dict.fromkeys(result["target"] for result in results))}
    y = HEAD
    parts: list[str] = []
    for group in groups:
        parts += _row(group, colours, y)
        y += _height(group) + GAP
    size = f'width="{WIDTH}" height="{y + FOOT}"'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" fill="#222">',
        f"<title>{_shown(title)}</title>",
        f'<rect {size} fill="#fff"/>',
        _text(16, 24, title, size=15, weight="bold"), *_legend(colours), *parts, "</svg>", "",
    ])  # fmt: skip


def _groups(results: Sequence[Mapping[str, Any]]) -> Iterator[Group]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        what = ", ".join(dict.fromkeys(filter(None, (result["workload"], result["distribution"]))))
        how = f"{result['clients']} clients, {result['outstanding']} outstanding"
        if result["loop"] == "open":
            how = f"{result['rate']:g} arrivals a second, {result['arrivals']}"
        found.setdefault(f"{what}: values of {result['value_size']} bytes, {how}", []).append(result)
    yield from (Group(title, members) for title, members in found.items())


def _height(group: Group) -> int:
    return max(ROW * len(group.results) + 24, LEAST)


def _row(group: Group, colours: Mapping[str, int], y: int) -> Iterator[str]:
    yield _text(16, y, group.title, weight="bold")
    yield from _bars(group, colours, 16 + LABELS, y + 12)
    yield from _latencies(group, colours, WIDTH - PERCENTILES - 24, y + 12, _height(group) - 24)


def _legend(colours: Mapping[str, int]) -> Iterator[str]:
    x = 16.0
    for name, number in colours.items():
        yield _mark(x + 5, 38, number)
        yield _text(x + 16, 42, name)
        x += 34 + 7 * len(name)


# ---- throughput ----


def _bars(group: Group, colours: Mapping[str, int], x: int, y: int) -> Iterator[str]:
    """A bar is the median; a line over it reaches from the tenth to the ninetieth percentile of the runs."""
    most = max(result["throughput"]["p90"] for result in group.results)
    scale = (BARS - 60) / most if most > 0 else 0.0
    for at, result in enumerate(group.results):
        middle, rates = y + ROW * at + ROW / 2, result["throughput"]
        fill = COLOURS[colours[result["target"]] % len(COLOURS)]
        yield _text(x - 6, middle + 4, result["target"], anchor="end")
        yield f'<rect x="{x}" y="{middle - 8:.1f}" width="{rates["median"] * scale:.1f}" height="16" fill="{fill}"/>'
        yield _line(x + rates["p10"] * scale, middle, x + rates["p90"] * scale, middle, "#222", 1.5)
        yield _text(x + rates["p90"] * scale + 6, middle + 4, f"{_short(rates['median'])}/s")
    yield _text(x, y + ROW * len(group.results) + 16, "operations a second, median and spread", colour="#666")


# ---- latencies ----


def _latencies(group: Group, colours: Mapping[str, int], x: int, y: int, height: int) -> Iterator[str]:
    measured = [result for result in group.results if "all" in result["latency"]]
    if not measured:
        return
    values = [max(result["latency"]["all"][name], 0.1) for result in measured for name in NAMES]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 1e-9)
    high = max(high, low + 1)
    for power in range(low, high + 1):
        level = y + height * (high - power) / (high - low)
        yield _line(x, level, x + PERCENTILES, level, "#ddd", 1)
        yield _text(x - 6, level + 4, _duration(10.0**power), anchor="end", colour="#666")
    step = PERCENTILES / len(NAMES)
    places = {name: x + step * (at + 0.5) for at, name in enumerate(NAMES)}
    for name, label in NAMES.items():
        yield _text(places[name], y + height + 16, label, anchor="middle", colour="#666")
    yield _text(x - 6, y - 12, "latency of all operations", anchor="start", colour="#666")
    for result in measured:
        number = colours[result["target"]]
        points = []
        for name, place in places.items():
            value = max(result["latency"]["all"][name], 0.1)
            points.append((place, y + height * (high - math.log10(value)) / (high - low)))
        line = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        colour = COLOURS[number % len(COLOURS)]
        yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        yield from (_mark(px, py, number) for px, py in points)


# ---- what everything is drawn with ----


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    size: int = 12,
    weight: str = "normal",
    colour: str = "#222",
) -> str:
    font = f'text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{colour}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {font}>{_shown(text)}</text>'


def _shown(text: str) -> str:
    """XML has no way to write control codes."""
    return escape("".join(c for c in text if c.isprintable()))


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width:g}"/>'


def _mark(x: float, y: float, number: int) -> str:
    colour, shape = COLOURS[number % len(COLOURS)], MARKS[number % len(MARKS)]
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
    corners = {
        "square": ((-4, -4), (4, -4), (4, 4), (-4, 4)),
        "diamond": ((0, -5), (5, 0), (0, 5), (-5, 0)),
        "triangle": ((0, -5), (5, 4), (-5, 4)),
    }[shape]
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return f'<polygon points="{points}" fill="{colour}"/>'


def _short(number: float) -> str:
    """ "1.25 M", "98.2 k", "12"."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.3g}"


def _duration(us: float) -> str:
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if us >= size:
            return f"{us / size:g} {unit}"
    return f"{us:g} us"
