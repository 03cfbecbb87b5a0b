"""docs/usage.md as a chapter a page: it is one file in the repository, and long for a screen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown.extensions.toc import slugify

USAGE = Path(__file__).parents[1] / "usage.md"
DOCS = USAGE.parent
LINK = re.compile(r"\]\(((?:\.\./)*)usage\.md(#[\w-]+)?\)")
FILE_AS_WORDS = re.compile(
    r"\[(?:\w+/)*\w+\.(?:md|cff)\](?=\((?:\.\./)*((?:\w+/)*\w+\.md)(#[\w-]+)?\))"
)


@dataclass
class Chapter:
    """A section of the second level, whose headings are raised by one."""

    title: str
    lines: list[str]
    anchors: dict[str, str]

    @property
    def place(self) -> str:
        """Its page on the site."""
        return f"guide/{next(iter(self.anchors))}.md"

    @property
    def text(self) -> str:
        """Its Markdown; links of one folder lead up first."""
        found = re.sub(r"\]\((?!#|\w+:|\.\./)", "](../", "\n".join(self.lines))
        return re.sub(r"\]\(#", "](../usage.md#", found) + "\n"


def lines_of(text: str) -> Iterator[tuple[str, int, str]]:
    """Each line of a page, with the level and title of a heading, or 0 and nothing: there are no
    headings in blocks of code."""
    in_code = False
    for line in text.splitlines():
        in_code ^= line.startswith("```")
        found = None if in_code else re.match(r"(#+) (.*)", line)
        yield line, len(found[1]) if found else 0, found[2] if found else ""


def anchor_of(title: str) -> str:
    """What MkDocs calls a heading in addresses."""
    return slugify(title.replace("`", ""), "-")


def chapters(text: str) -> list[Chapter]:
    """The chapters of the guide, in order; headings in blocks of code are none."""
    found: list[Chapter] = []
    for line, level, title in lines_of(text):
        if level == 2:
            found.append(Chapter(title, [], {}))
        if level > 1:
            found[-1].anchors[anchor_of(title)] = title
        if found:
            found[-1].lines.append(line[1:] if level > 1 else line)
    return found


CHAPTERS = chapters(USAGE.read_text(encoding="utf-8"))
PLACES = {anchor: chapter.place for chapter in CHAPTERS for anchor in chapter.anchors}


def titled(text: str, moved: Mapping[str, str]) -> str:
    """Links whose words are a file's name, as they stand on a code host, with the title of the page
    or section that they lead to.

    Args:
        moved: files of the repository's root by what they are called on the site.
    """

    def words(found: re.Match[str]) -> str:
        file, anchor = found[1], found[2]
        path = DOCS / file
        path = path if path.exists() else DOCS.parent / moved.get(file, file)
        if not path.exists():
            return found[0]  # for the build to complain about
        lines = lines_of(path.read_text(encoding="utf-8"))
        titles = [title for _, level, title in lines if level]
        wanted = (title for title in titles if anchor in (None, f"#{anchor_of(title)}"))
        return f"[{next(wanted, titles[0])}]"

    return FILE_AS_WORDS.sub(words, text)


def relinked(text: str) -> str:
    """Links to sections of docs/usage.md as links to their pages.

    An anchor that is not there is kept, for the build to complain about.
    """

    def link(found: re.Match[str]) -> str:
        up, anchor = found[1], found[2] or ""
        place = PLACES.get(anchor.removeprefix("#"), "guide/index.md")
        return f"]({up}{place}{anchor})"

    return LINK.sub(link, text)


def contents(groups: list[Any]) -> str:
    """The guide's first page: each group of the navigation, with its pages and their sections."""
    chapters = {chapter.place: chapter for chapter in CHAPTERS}
    lines = ["# User guide"]
    for group in groups:
        for title, pages in group.items() if isinstance(group, dict) else ():
            lines += ["", f"## {title}", ""]
            for page in pages:
                ((name, place),) = page.items() if isinstance(page, dict) else ((None, page),)
                if place in chapters:
                    (first, name), *others = chapters[place].anchors.items()
                    lines.append(f"- [{name}]({first}.md)")
                    lines += (f"    - [{each}]({first}.md#{anchor})" for anchor, each in others)
                else:
                    lines.append(f"- [{name}](../{place})")
    return "\n".join(lines) + "\n"
