"""Pages whose tables are written by a script: what the scripts beside this file share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def filled(page: str, tables: Mapping[str, Callable[[Any], str]], numbers: Any) -> str:
    """The page with every table between `<!-- NAME -->` and `<!-- end of NAME -->` written."""

    def write(found: re.Match[str]) -> str:
        name = found[1]
        return f"<!-- {name} -->\n{tables[name](numbers)}\n<!-- end of {name} -->"

    names = "|".join(tables)
    return re.sub(rf"<!-- ({names}) -->\n.*?<!-- end of \1 -->", write, page, flags=re.DOTALL)


def points(row: Mapping[str, Any]) -> str:
    """A median difference in points with its interval, "+9.6 [3.1, 18.2]"."""
    ends = row["interval"]
    shown = "" if ends is None else f" [{100 * ends[0]:.1f}, {100 * ends[1]:.1f}]"
    return f"{100 * row['median']:+.1f}{shown}".replace("-", "\u2212")
