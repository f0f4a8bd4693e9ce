"""Cycles in a graph whose edges are of several kinds. Knows nothing of transactions.

Nodes are numbers. Everything goes in the order in which edges were added, so that the same graph gives the same cycles.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from typing import Any

VISITS = 2_000_000
"""What one question may cost, in edges followed; about a second."""

Cycle = list[int]
"""Nodes, each with an edge to the next, and the last with one to the first."""


class Graph:
    def __init__(self) -> None:
        self._edges: dict[str, dict[int, dict[int, Any]]] = {}

    def add(self, kind: str, start: int, end: int, reason: Any) -> None:
        """An edge; of several of the same kind between the same nodes the first is kept. None leads to its start."""
        if start != end:
            self._edges.setdefault(kind, {}).setdefault(start, {}).setdefault(end, reason)

    def has(self, kind: str, start: int, end: int) -> bool:
        return end in self._edges.get(kind, {}).get(start, ())

    def reason(self, kind: str, start: int, end: int) -> Any:
        return self._edges[kind][start][end]

    def after(self, node: int, kinds: Iterable[str]) -> Iterator[int]:
        for kind in kinds:
            yield from self._edges.get(kind, {}).get(node, ())

    def components(self, kinds: Collection[str]) -> list[list[int]]:
        """The strongly connected components of more than one node (R. Tarjan, 1972)."""
        starts = dict.fromkeys(start for kind in kinds for start in self._edges.get(kind, {}))
        number: dict[int, int] = {}
        lowest: dict[int, int] = {}
        waiting: dict[int, None] = {}  # a stack that knows what is on it
        found = []
        for root in starts:
            if root in number:
                continue
            number[root] = lowest[root] = len(number)
            waiting[root] = None
            path = [(root, self.after(root, kinds))]
            while path:
                node, following = path[-1]
                for other in following:
                    if other not in number:
                        number[other] = lowest[other] = len(number)
                        waiting[other] = None
                        path.append((other, self.after(other, kinds)))
                        break
                    if other in waiting:
                        lowest[node] = min(lowest[node], number[other])
                else:
                    path.pop()
                    if path:
                        lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[node])
                    if lowest[node] == number[node]:
                        component = [waiting.popitem()[0]]
                        while component[-1] != node:
                            component.append(waiting.popitem()[0])
                        if len(component) > 1:
                            found.append(sorted(component))
        return found

    def cycle(self, component: Collection[int], first: str, kinds: Collection[str]) -> Cycle | None:
        """A shortest cycle of nodes of `component` that begins with an edge of the kind `first` and goes on in `kinds`.

        None if there is none, or if none was found in VISITS. When only some could be looked at in VISITS, the shortest
        of these.
        """
        inside = set(component)
        best: Cycle | None = None
        visits = 0
        for start in component:
            for end in self.after(start, [first]):
                if end not in inside:
                    continue
                path, cost = self._path(end, start, inside, kinds, len(best) - 1 if best else len(inside))
                visits += cost
                best = [start, *path[:-1]] if path else best
                if visits > VISITS or (best and len(best) == 2):
                    return best
        return best

    def _path(
        self, start: int, end: int, inside: Collection[int], kinds: Collection[str], shorter: int
    ) -> tuple[list[int], int]:
        """A shortest path of at most `shorter` nodes, or an empty one; and the edges that were followed."""
        came: dict[int, int] = {start: start}
        border = deque([(start, 1)])
        cost = 0
        while border:
            node, length = border.popleft()
            if node == end:
                path = [node]
                while path[-1] != start:
                    path.append(came[path[-1]])
                return path[::-1], cost
            if length >= shorter:
                break
            for other in self.after(node, kinds):
                cost += 1
                if other in inside and other not in came:
                    came[other] = node
                    border.append((other, length + 1))
        return [], cost
