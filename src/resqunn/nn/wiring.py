r"""`Wiring`: which points of a layered network are joined by residual connections.

The points of a network of $n$ layers are its input X and its layers' outputs O1, ..., On. A
wiring is a set partition of them (ResQuNN paper, Fig. 5, made exact). Points in one block
are summed as the data passes:

$$R_0 = X, \qquad O_k = \mathrm{layer}_k(R_{k-1}), \qquad R_k = O_k + R_j$$

where $j$ is the point before $k$ in $k$'s block, or $R_k = O_k$ if $k$ is the first of its
block. $R_n$ is the network's output. There are Bell(n + 1) wirings: 2, 5, 15, 52, ...

Grammar of the string form: blocks of two points or more, separated by commas, or `none`.

    wiring = "none" | block { "," block }
    block  = point | "(" block ")" | block "+" point
    point  = "X" | "O1" | "O2" | ...

Points of a block are written in the order in which the data passes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from resqunn.checks import checked, settle_fields
from resqunn.errors import ConfigurationError

MAX_LAYERS_ALL = 8
"""`Wiring.all` lists up to here (21,147 wirings)."""

MAX_LENGTH = 4000
"""Longer strings are refused."""

_TOKEN = re.compile(r"\s*(?:(?P<point>[Xx]|[Oo](?P<number>[0-9]{1,4})(?![0-9]))|(?P<sign>[+,()]))")


@dataclass(frozen=True)
class Wiring:
    """A set partition of the points 0 (X), 1 (O1), ..., `layers` (On).

    Attributes:
        layers: the number of layers n.
        blocks: every block as sorted points, blocks sorted by their first point.

    >>> wiring = Wiring.parse("(X+O1)+O2", layers=2)
    >>> wiring.reached(input_gradients=False)
    (True, True)
    >>> [str(w) for w in Wiring.all(layers=2)]
    ['none', 'X+O1', 'O1+O2', 'X+O2', '(X+O1)+O2']
    """

    layers: int
    blocks: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        settle_fields(self)
        if self.layers < 1:
            raise ConfigurationError(f"layers must be 1 or more, got {self.layers}")
        points = sorted(point for block in self.blocks for point in block)
        ordered = all(list(block) == sorted(block) for block in self.blocks)
        if points != list(range(self.layers + 1)) or not ordered or () in self.blocks:
            raise ConfigurationError(
                f"blocks must be a partition of the points 0 to {self.layers}, each block sorted, "
                f"got {self.blocks}"
            )
        object.__setattr__(self, "blocks", tuple(sorted(self.blocks)))

    @staticmethod
    @checked
    def parse(text: str, layers: int) -> Wiring:
        """Reads the string form, for instance `"(X+O1)+O2"`.

        Raises:
            ConfigurationError: pointing at the first character that does not fit.
        """
        if layers < 1:
            raise ConfigurationError(f"layers must be 1 or more, got {layers}")
        return _Parser(text, layers).wiring()

    @staticmethod
    @checked
    def all(layers: int) -> tuple[Wiring, ...]:
        """Every wiring, in a stable order: few skips first, then short ones, then early ones.

        Raises:
            ConfigurationError: below 1 or above 8 layers.
        """
        if not 1 <= layers <= MAX_LAYERS_ALL:
            raise ConfigurationError(
                f"layers must be 1 to {MAX_LAYERS_ALL} to list all wirings, got {layers}"
            )
        return _all(layers)

    @property
    def skips(self) -> tuple[int | None, ...]:
        """For each layer k = 1..n the point whose sum is added to O_k, or None."""
        before: dict[int, int] = {}
        for block in self.blocks:
            before.update(zip(block[1:], block, strict=False))
        return tuple(before.get(k) for k in range(1, self.layers + 1))

    @checked
    def reached(self, input_gradients: bool | Sequence[bool] = True) -> tuple[bool, ...]:
        """Which layers get a gradient, from the graph alone.

        Args:
            input_gradients: whether each layer passes a derivative to its input; one
                setting for all layers, or one a layer.

        With the derivative cut, layer k is reached if and only if O_k reaches the output
        along skips alone.
        """
        n = self.layers
        passes = [input_gradients] * n if isinstance(input_gradients, bool) else input_gradients
        if len(passes) != n:
            raise ConfigurationError(
                f"input_gradients must be one setting or {n}, one a layer, got {len(passes)}"
            )
        following = {j: k for k, j in enumerate(self.skips, 1) if j is not None}
        reached = [False] * (n + 1)
        reached[n] = True
        for k in range(n - 1, 0, -1):
            by_skip = k in following and reached[following[k]]
            reached[k] = by_skip or (bool(passes[k]) and reached[k + 1])
        return tuple(reached[1:])

    def __str__(self) -> str:
        texts = []
        for block in self.blocks:
            if len(block) > 1:
                names = [_name(point) for point in block]
                head = "(" * (len(names) - 2) + names[0]
                links = [f"+{name})" for name in names[1:-1]]
                texts.append(head + "".join(links) + f"+{names[-1]}")
        return ", ".join(texts) or "none"


def _name(point: int) -> str:
    return "X" if point == 0 else f"O{point}"


@lru_cache(maxsize=MAX_LAYERS_ALL)
def _all(layers: int) -> tuple[Wiring, ...]:
    def order(wiring: Wiring) -> tuple[int, list[tuple[int, int]]]:
        links = [(k - j, j) for k, j in enumerate(wiring.skips, 1) if j is not None]
        return (len(links), sorted(links))

    wirings = [Wiring(layers, tuple(map(tuple, p))) for p in _partitions(layers + 1)]
    return tuple(sorted(wirings, key=order))


def _partitions(points: int) -> Iterator[list[list[int]]]:
    """Every set partition of 0, ..., points - 1: the last point joins a block or opens one."""
    if points == 0:
        yield []
        return
    last = points - 1
    for smaller in _partitions(last):
        for chosen in range(len(smaller)):
            yield [[*b, last] if i == chosen else b for i, b in enumerate(smaller)]
        yield [*smaller, [last]]


class _Parser:
    """Reads one string from left to right; `at` is the position of the current token."""

    def __init__(self, text: str, layers: int) -> None:
        self.text, self.layers = text, layers
        self.at = self.end = 0

    def wiring(self) -> Wiring:
        if len(self.text) > MAX_LENGTH:
            raise ConfigurationError(
                f"a wiring must be at most {MAX_LENGTH} characters long, got {len(self.text)}"
            )
        if self.text.strip().lower() == "none":
            return Wiring(self.layers, tuple((k,) for k in range(self.layers + 1)))
        blocks: list[tuple[int, ...]] = []
        used: set[int] = set()
        while True:
            block, separator = self._block(used)
            blocks.append(block)
            if separator == "":
                break
        blocks += ((k,) for k in range(self.layers + 1) if k not in used)
        return Wiring(self.layers, tuple(blocks))

    def _block(self, used: set[int]) -> tuple[tuple[int, ...], str]:
        """One block and the separator after it ("," or "" at the end)."""
        token = self._next()
        opened: list[int] = []
        while token == "(":
            opened.append(self.at)
            token = self._next()
        block = [self._point(token, used)]
        while True:
            token = self._next()
            if token == ")":
                if not opened:
                    raise self._error("this ')' closes nothing")
                opened.pop()
            elif token == "+":
                token = self._next()
                if token == "(":
                    raise self._error("sums run from left to right: write (X+O1)+O2, not X+(O1+O2)")
                point = self._point(token, used)
                if point < block[-1]:
                    raise self._error(
                        f"{_name(point)} comes before {_name(block[-1])} as the data passes: "
                        "write points in that order"
                    )
                block.append(point)
            elif token in (",", ""):
                if opened:
                    self.at = opened[-1]
                    raise self._error("this '(' is never closed")
                return tuple(block), token
            else:
                raise self._error("expected '+', ',', ')' or the end")

    def _point(self, token: str, used: set[int]) -> int:
        if token == "" or token in "+,()":
            raise self._error("expected a point (X, O1, O2, ...)")
        point = 0 if token in "Xx" else int(token[1:])
        if point == 0 and token not in "Xx":
            raise self._error("layers are counted from O1; the input is X")
        if point > self.layers:
            raise self._error(f"there is no {_name(point)}: the network has {self.layers} layer(s)")
        if point in used:
            raise self._error(f"{_name(point)} is already used")
        used.add(point)
        return point

    def _next(self) -> str:
        """The next token, or "" at the end."""
        rest = _TOKEN.match(self.text, self.end)
        if rest is None:
            self.at = self.end + len(self.text[self.end :]) - len(self.text[self.end :].lstrip())
            if self.at == len(self.text):
                self.end = self.at
                return ""
            raise self._error("a wiring is made of X, O1, O2, ..., '+', ',' and parentheses")
        token = rest["point"] or rest["sign"]
        self.at, self.end = rest.end() - len(token), rest.end()
        return token

    def _error(self, message: str) -> ConfigurationError:
        shown = "".join(c if c.isprintable() else "?" for c in self.text)
        start = max(0, self.at - 60)
        return ConfigurationError(
            f"{message}\n    {shown[start : self.at + 20]}\n    {' ' * (self.at - start)}^"
        )
