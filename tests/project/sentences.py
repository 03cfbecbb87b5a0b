"""Sentences of the pages and of public docstrings that sound like promises."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORDS = re.compile(r"\b(always|never|any|the same|nothing|signatures?)\b", re.IGNORECASE)


def promising() -> list[str]:
    """Every sentence with one of the words."""
    return sorted({sentence for text in (*_pages(), *_docstrings()) for sentence in _of(text)})


def _of(text: str) -> Iterator[str]:
    text = re.sub(r"```.*?```", "\n\n", text, flags=re.DOTALL)
    for block in re.split(r"\n\s*\n|\n\s*[-*|] |\n(?=\|)", text):
        for sentence in re.split(r"(?<=[.:;?!])\s+", block):
            sentence = " ".join(sentence.split())
            if WORDS.search(sentence):
                yield sentence


def _pages() -> Iterator[str]:
    # What the replication found has its own tests; the benchmarks' page is made of numbers.
    own = {"replication.md", "mattern.md", "benchmarks.md"}
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        if path.name not in own:
            yield path.read_text(encoding="utf-8")
    for path in (ROOT / "docs/notebooks").glob("*.py"):
        yield "\n".join(
            re.findall(r"^#(?! %%) ?(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        )


def _docstrings() -> Iterator[str]:
    for path in (ROOT / "src").rglob("*.py"):
        yield from _public(ast.parse(path.read_text(encoding="utf-8")))


def _public(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
        if getattr(node, "name", "").startswith("_"):
            return
        if text := ast.get_docstring(node):
            yield text
    if not isinstance(node, ast.FunctionDef):
        for child in ast.iter_child_nodes(node):
            yield from _public(child)
