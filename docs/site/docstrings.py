"""What docstrings have that Markdown or its reader would take for something else."""

from __future__ import annotations

import re
from typing import Any

from griffe import Class, ExprSubscript, ExprTuple, Extension, Module, Object

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
    """Does so for every docstring that is read, and shows of `Annotated` types the type."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Called by griffe for each object, once its docstring is there."""
        if obj.docstring:
            obj.docstring.value = readable(obj.docstring.value)
        if obj.is_attribute:
            obj.annotation = _bare(obj.annotation)

    def on_package(self, *, pkg: Module, **kwargs: Any) -> None:
        """Called by griffe once all is read, and dataclasses have got their parameters."""
        classes = [pkg]
        for each in classes:
            classes += (one for one in each.members.values() if isinstance(one, Class | Module))
            if isinstance(each, Class):
                # Where members are inherited, the reference lists them in this order.
                each.members = dict(sorted(each.members.items(), key=_methods_first))
                for parameter in each.parameters:
                    parameter.annotation = _bare(parameter.annotation)


def _methods_first(member: tuple[str, Any]) -> bool:
    return member[1].is_attribute


def _bare(annotation: Any) -> Any:
    """The type of an `Annotated` one."""
    if isinstance(annotation, ExprSubscript) and str(annotation.left) == "Annotated":
        if isinstance(annotation.slice, ExprTuple):
            return annotation.slice.elements[0]
    return annotation
