"""Examples in docstrings, which Markdown would take for quotations, become blocks of code."""

from __future__ import annotations

from typing import Any

from griffe import Extension, Object


def fenced(text: str) -> str:
    """The text with each doctest, up to the next empty line, between fences."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        if not inside and line.lstrip().startswith(">>>"):
            inside = True
            lines += ["", f"{indent}```pycon"]
        elif inside and not line.strip():
            inside = False
            lines.append("```")
        lines.append(line)
    return "\n".join([*lines, "```"] if inside else lines)


class Doctests(Extension):
    """Fences the doctests of every docstring that is read."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Called by griffe for each object, once its docstring is there."""
        if obj.docstring and ">>>" in obj.docstring.value:
            obj.docstring.value = fenced(obj.docstring.value)
