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
MEANT = {
    "says what files may hold": "#images",
    "makes a network of your own": "#a-network-of-your-own",
}
"""What is said about a link to the whole guide, and the section that tells it."""


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


def headings(text: str) -> Iterator[tuple[int, str]]:
    """The headings of a page with their levels; there are none in blocks of code."""
    in_code = False
    for line in text.splitlines():
        in_code ^= line.startswith("```")
        found = None if in_code else re.match(r"(#+) (.*)", line)
        if found:
            yield len(found[1]), found[2]


def anchor_of(title: str) -> str:
    """What MkDocs calls a heading in addresses."""
    return slugify(title.replace("`", ""), "-")


def chapters(text: str) -> list[Chapter]:
    """The chapters of the guide, in order; headings in blocks of code are none."""
    found: list[Chapter] = []
    in_code = False
    for line in text.splitlines():
        in_code ^= line.startswith("```")
        heading = None if in_code else re.match(r"(#{2,}) (.*)", line)
        if heading:
            title = heading[2]
            anchor = anchor_of(title)
            if heading[1] == "##":
                found.append(Chapter(title, [], {}))
            found[-1].anchors[anchor] = title
            line = line[1:]
        if found:
            found[-1].lines.append(line)
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
        listed = list(headings(path.read_text(encoding="utf-8")))
        wanted = (title for _, title in listed if anchor in (None, f"#{anchor_of(title)}"))
        return f"[{next(wanted, listed[0][1])}]"

    return FILE_AS_WORDS.sub(words, text)


def meant(text: str) -> str:
    """Links to the whole guide as links to the section that they are about, if it is known."""

    def link(found: re.Match[str]) -> str:
        about = text[max(found.start() - 80, 0) : found.end() + 80]
        section = next((place for words, place in MEANT.items() if words in about), "")
        return found[0] if found[2] else f"]({found[1]}usage.md{section})"

    return LINK.sub(link, text)


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
