"""A test whether a regular expression can match a text in more than one way, which makes a backtracking engine slow.

The states of the automaton (Glushkov) are the positions of the pattern's characters. If two different loops at one state read
the same text, the time is exponential in the length of the text. The time is quadratic or worse if one text loops at a state,
leads to another state, and loops there too (Weideman et al., CIAA 2016).

Bounded repetitions beyond `EXACT` count as unbounded, and look-around always counts as true. A reported pattern may therefore
be harmless, but an unreported pattern is linear. Back references are not supported.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from re import _constants as sre
from re import _parser as parser
from typing import Any

EXACT = 2
_SAMPLES = frozenset(map(ord, '09azAZ_ \n\t\r-./:@\\"é٣€\x1f\x7f\u2028'))
_CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}
Characters = frozenset[int]


@dataclass
class Part:
    """A part of an expression: the number of ways to pass it without a character, and its first and last positions with their
    ways.
    """

    empty: int = 1
    first: Counter[int] = field(default_factory=Counter)
    last: Counter[int] = field(default_factory=Counter)


class Automaton:
    """The automaton of one pattern. With `searched` the pattern may begin anywhere. With `whole` the text must end with it."""

    def __init__(self, pattern: str | bytes, flags: int = 0, *, searched: bool, whole: bool) -> None:
        tree = parser.parse(pattern, flags)
        self._bytes = isinstance(pattern, bytes)
        self._flags = tree.state.flags
        self._alphabet = frozenset(_mentioned(tree)) | _SAMPLES
        if self._bytes:
            self._alphabet = frozenset(one for one in self._alphabet if one < 256)
        self.at: list[Characters] = []
        self.follow: list[Counter[int]] = []
        self.inner: list[Automaton] = []
        made = self._row(tree)
        if searched and not self._begin(tree, sre.AT_BEGINNING_STRING):
            self._search(made.first, lines=self._begin(tree, sre.AT_BEGINNING))
        self.ends = made.last
        self.closed = whole or _ends_closed(tree)

    # -- building

    def _begin(self, tree: Any, where: Any) -> bool:
        """Report whether the pattern can begin only at this place. Without MULTILINE a line start is the start of the text."""
        first = tree[0] if len(tree) else (None, None)
        given = first[1] if first[0] is sre.AT else None
        if given is sre.AT_BEGINNING and not self._flags & re.MULTILINE:
            given = sre.AT_BEGINNING_STRING
        return given is where

    def _search(self, first: Counter[int], *, lines: bool) -> None:
        anywhere = self._position(self._alphabet)
        self.follow[anywhere][anywhere] += 1
        if lines:
            end = self._position(frozenset({ord("\n")}))
            self.follow[anywhere][end] += 1
            anywhere = end
        self.follow[anywhere].update(first)

    def _position(self, characters: Characters) -> int:
        self.at.append(characters)
        self.follow.append(Counter())
        return len(self.at) - 1

    def _leaf(self, characters: Characters) -> Part:
        made = self._position(characters)
        return Part(0, Counter({made: 1}), Counter({made: 1}))

    def _row(self, items: Any) -> Part:
        made = Part()
        for kind, value in items:
            made = self._then(made, self._item(kind, value))
        return made

    def _then(self, one: Part, other: Part) -> Part:
        for end, ways in one.last.items():
            for begin, more in other.first.items():
                self.follow[end][begin] += ways * more
        first, last = Counter(one.first), Counter(other.last)
        for begin, ways in other.first.items():
            first[begin] += ways * one.empty
        for end, ways in one.last.items():
            last[end] += ways * other.empty
        return Part(min(2, one.empty * other.empty), +first, +last)

    def _item(self, kind: Any, value: Any) -> Part:
        if kind in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
            return self._leaf(self._characters(kind, value))
        if kind is sre.BRANCH:
            parts = [self._row(one) for one in value[1]]
            return Part(
                min(2, sum(one.empty for one in parts)),
                sum((one.first for one in parts), Counter()),
                sum((one.last for one in parts), Counter()),
            )
        if kind is sre.SUBPATTERN:
            outer, self._flags = self._flags, (self._flags | value[1]) & ~value[2]
            made = self._row(value[3])
            self._flags = outer
            return made
        if kind is sre.ATOMIC_GROUP:
            return self._row(value)
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            return self._repeat(*value)
        if kind in (sre.ASSERT, sre.ASSERT_NOT):
            self._row(value[1])  # its positions are checked too, but they lead nowhere
            return Part()
        if kind is sre.AT:
            return Part()
        raise NotImplementedError(kind)

    def _repeat(self, least: int, most: Any, body: Any) -> Part:
        if most <= EXACT:
            made = Part()
            for number in range(int(most)):
                one = self._row(body)
                if number >= least:
                    one.empty = min(2, one.empty + 1)
                made = self._then(made, one)
            return made
        one = self._row(body)
        for end, ways in one.last.items():
            for begin, more in one.first.items():
                self.follow[end][begin] += ways * more
        if one.empty:  # an empty round is a second way to the same position
            for end in one.last:
                for begin in one.first:
                    self.follow[end][begin] += 1
        return Part(one.empty if least else min(2, one.empty + 1), one.first, one.last)

    def _characters(self, kind: Any, value: Any) -> Characters:
        """Return the sample characters that this item matches. The engine itself decides."""
        tree = parser.SubPattern(parser.State(), [(kind, value)])
        tree.state.flags = tree.state.flags | self._flags
        compiled = re._compiler.compile(tree, self._flags)  # type: ignore[attr-defined]
        taken = (one for one in self._alphabet if compiled.fullmatch(bytes([one]) if self._bytes else chr(one)))
        return frozenset(taken)

    # -- questions

    def exponential(self) -> bool:
        """Report whether two different loops at one position read the same text."""
        loops = self._components()
        return any(one is not None and self._returns_apart(start, one) for start, one in enumerate(loops))

    def quadratic(self) -> list[tuple[int, int]]:
        """Return the pairs of positions that cause quadratic time."""
        loops = self._components()
        found = []
        for p, of_p in enumerate(loops):
            for q, of_q in enumerate(loops):
                if p == q or of_p is None or of_q is None or not self._may_fail(q):
                    continue
                if self._goes_over(p, of_p, q, of_q):
                    found.append((p, q))
        return found

    def _may_fail(self, position: int) -> bool:
        """Report whether a text that reached this position can still fail. It cannot if it may end there, or if all other text
        matches.
        """
        takes_all = self.at[position] == self._alphabet and position in self.follow[position]
        return position not in self.ends or (self.closed and not takes_all)

    def _steps(self, state: tuple[int, ...], kept: Sequence[frozenset[int] | None]) -> Iterator[tuple[int, ...]]:
        """Yield the next states of several ways that read the same character."""
        rows = [
            [one for one in self.follow[position] if keep is None or one in keep]
            for position, keep in zip(state, kept, strict=True)
        ]
        ends: list[tuple[tuple[int, ...], Characters]] = [((), self._alphabet)]
        for row in rows:
            ends = [((*way, one), shared) for way, left in ends for one in row if (shared := left & self.at[one])]
        for way, _ in ends:
            yield way

    def _returns_apart(self, start: int, component: frozenset[int]) -> bool:
        kept = [component, component]
        seen, queue = {(start, start, False)}, deque([(start, start, False)])
        while queue:
            one, other, apart = queue.popleft()
            for to, also in self._steps((one, other), kept):
                double = one == other and to == also and self.follow[one][to] > 1
                state = (to, also, apart or to != also or double)
                if state == (start, start, True):
                    return True
                if state not in seen:
                    seen.add(state)
                    queue.append(state)
        return False

    def _goes_over(self, p: int, of_p: frozenset[int], q: int, of_q: frozenset[int]) -> bool:
        kept = [of_p, None, of_q]
        begin: tuple[int, ...] = (p, p, q)
        end = (p, q, q)
        seen, queue = {begin}, deque([begin])
        while queue:
            for state in self._steps(queue.popleft(), kept):
                if state == end:
                    return True
                if state not in seen:
                    seen.add(state)
                    queue.append(state)
        return False

    def _components(self) -> list[frozenset[int] | None]:
        """Return, for each position, the positions that reach it and that it reaches, or None if no way leads back to it."""
        reach = [self._reached(one) for one in range(len(self.at))]
        return [
            frozenset(other for other in reach[one] if one in reach[other]) if one in reach[one] else None
            for one in range(len(self.at))
        ]

    def _reached(self, start: int) -> set[int]:
        seen: set[int] = set()
        queue = [start]
        while queue:
            for one in self.follow[queue.pop()]:
                if one not in seen:
                    seen.add(one)
                    queue.append(one)
        return seen


def _ends_closed(tree: Any) -> bool:
    """Report whether the pattern ends with `$` or similar, so that the text before it may fail."""
    if not len(tree):
        return False
    kind, value = tree[-1]
    if kind is sre.SUBPATTERN:
        return _ends_closed(value[3])
    if kind is sre.BRANCH:
        return any(_ends_closed(one) for one in value[1])
    return kind in (sre.AT, sre.ASSERT, sre.ASSERT_NOT)


def _mentioned(items: Any) -> Iterator[int]:
    """Yield every character that the pattern names, and its neighbours."""
    for kind, value in items:
        if kind in (sre.LITERAL, sre.NOT_LITERAL):
            yield from _around(value)
        elif kind is sre.RANGE:
            yield from (*_around(value[0]), *_around(value[1]))
        elif kind is sre.IN:
            yield from _mentioned(value)
        elif kind is sre.BRANCH:
            for one in value[1]:
                yield from _mentioned(one)
        elif kind is sre.SUBPATTERN:
            yield from _mentioned(value[3])
        elif kind is sre.ATOMIC_GROUP:
            yield from _mentioned(value)
        elif kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            yield from _mentioned(value[2])
        elif kind in (sre.ASSERT, sre.ASSERT_NOT):
            yield from _mentioned(value[1])


def _around(character: int) -> Iterator[int]:
    for one in (character - 1, character, character + 1, ord(chr(character).swapcase()[0])):
        if 0 <= one < 0x110000 and not 0xD800 <= one < 0xE000:
            yield one
