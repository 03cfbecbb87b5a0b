"""Tables that notebooks show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from resqunn.lab.training.harmless import printable


def html_table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in HTML; cells may hold texts of others.

    >>> html_table("two", ["a", "b"], [[1, "<b>"]])
    '<table><caption>two</caption><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>&lt;b&gt;</td></tr></table>'
    """
    lines = [_row("th", head), *(_row("td", row) for row in rows)]
    return f"<table><caption>{_safe(caption)}</caption>{''.join(lines)}</table>"


def _row(kind: str, cells: Sequence[object]) -> str:
    return "<tr>" + "".join(f"<{kind}>{_safe(cell)}</{kind}>" for cell in cells) + "</tr>"


def _safe(text: object) -> str:
    return escape(printable(str(text)))
