"""What docstrings have that Markdown or its reader would take for something else."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

SHAPE = re.compile(r"^Shape:(.*)\n((?:    .*\n?|\n)*)", re.MULTILINE)
SEVERAL = re.compile(r"^    \w+(?:, \w+)+:", re.MULTILINE)


def readable(text: str) -> str:
    """The text as the site's Markdown: examples fenced, `Shape` a paragraph or list of its own,
    and several names before one colon held together."""
    text = SHAPE.sub(_shape, text)
    text = SEVERAL.sub(lambda found: "    " + found[0].strip().replace(", ", ",\u00a0"), text)
    return fenced(text)


def _shape(found: re.Match[str]) -> str:
    below = re.sub(r"^    ", "", found[2], flags=re.MULTILINE)
    return f"**Shape:**{found[1]}\n\n{below}\n"


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


class Readable(Extension):
    """Does so for every docstring that is read."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Called by griffe for each object, once its docstring is there."""
        if obj.docstring:
            obj.docstring.value = readable(obj.docstring.value)
