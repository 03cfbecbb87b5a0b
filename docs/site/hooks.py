"""What the site has beyond the pages of docs/: pages from the root of the repository, those of the
guide and of the reference, notebooks, and equations as MathML, which browsers show unaided.
"""

from __future__ import annotations

import html
import math
import posixpath
import re
import tomllib
from pathlib import Path
from typing import Any

import guide  # beside this file, where mkdocs looks for it
import notebooks
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
GROUPS = tomllib.loads((Path(__file__).parent / "reference.toml").read_text(encoding="utf-8"))

PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "CODE_OF_CONDUCT.md": "code_of_conduct.md",
}
"""Files of the repository's root, and what they are called on the site."""

WHOLE = ("resqunn.Circuit", "resqunn.Quanv2d")
"""Shown with what they inherit from classes of this library that are not public, methods first."""

MATH = re.compile(r'<(span|div) class="arithmatex">\s*\\[(\[](.*?)\\[)\]]\s*</\1>', re.DOTALL)

SVG = re.compile(r'<img [^>]*src="([^":]+\.svg)"')
LEGIBLE = 420
"""Points that a drawing may have across for its words to be read on a phone."""

serving = False
"""Whether pages are shown while they are written: notebooks are then not run again."""


def on_startup(*, command: str, **_: Any) -> None:
    """Notes what is done with the site."""
    global serving
    serving = command == "serve"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Lists the pages of the reference in the navigation."""
    for entry in config.nav or []:
        if "Reference" in entry:
            pages = (f"reference/{name}.md" for name in GROUPS)
            entry["Reference"] = ["reference/index.md", *pages]
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Adds the pages that are made here."""
    made = {place: _moved((ROOT / name).read_text("utf-8")) for name, place in PAGES.items()}
    made |= {f"reference/{name}.md": _group(group) for name, group in GROUPS.items()}
    made["reference/index.md"] = _contents()
    made |= {chapter.place: chapter.text for chapter in guide.CHAPTERS}
    made["guide/index.md"] = guide.contents(_of_guide(config))
    for place, text in made.items():
        files.append(File.generated(config, place, content=text))
    for folder in notebooks.all_built(stale=serving):
        for path in sorted(folder.glob("*.*")):
            files.append(File.generated(config, f"notebooks/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Links to files of the root, to notebooks, and to sections of docs/usage.md, lead to their
    pages."""
    within = "" if page.file.src_uri.startswith("notebooks/") else "notebooks/"
    markdown = re.sub(rf"\]\({within}(\w+)\.py\)", rf"]({within}\1.md)", markdown)
    for name, place in PAGES.items():
        markdown = re.sub(rf"\]\(((?:\.\./)*)\.\./{name}", rf"](\1{place}", markdown)
    moved = {place: name for name, place in PAGES.items()}
    return guide.relinked(guide.titled(markdown, moved))


def on_page_content(content: str, *, page: Any, files: Files, **_: Any) -> str:
    """Equations as MathML; small drawings shrink to a phone's width, where large ones scroll."""

    def marked(found: re.Match[str]) -> str:
        picture = files.get_file_from_path(posixpath.join(posixpath.dirname(page.url), found[1]))
        small = picture is not None and _width(picture.content_string) <= LEGIBLE
        return f'<img class="small"{found[0].removeprefix("<img")}' if small else found[0]

    return SVG.sub(marked, MATH.sub(_mathml, content))


def _width(svg: str) -> float:
    """In points, as matplotlib writes it."""
    found = re.search(r'<svg[^>]* width="([\d.]+)pt"', svg)
    return float(found[1]) if found else math.inf


def _mathml(found: re.Match[str]) -> str:
    kind = "block" if found[1] == "div" else "inline"
    return convert(html.unescape(found[2]).strip(), display=kind)


def _of_guide(config: MkDocsConfig) -> list[Any]:
    """What the navigation has below the guide."""
    return next(entry["User guide"] for entry in config.nav or [] if "User guide" in entry)


def _moved(text: str) -> str:
    """A page of the root as one of docs/."""
    text = re.sub(r"\]\(docs/notebooks/(\w+)\.py", r"](notebooks/\1.md", text)
    text = re.sub(r"\]\(docs/", "](", text).replace("](CITATION.cff)", "](citing.md)")
    text = re.sub(r'(src|srcset|href)="docs/', r'\1="', text)
    for name, place in PAGES.items():
        text = text.replace(f"]({name}", f"]({place}")
    # Commands that follow each other have a line each, since a phone's lines are short.
    return re.sub(r"(?s)```bash\n.*?```", lambda block: block[0].replace(" && ", "\n"), text)


def _group(group: dict[str, Any]) -> str:
    parts = [f"# {group['title']}", group["text"]]
    for name in group["names"]:
        whole = "\n    options:\n      inherited_members: true\n      group_by_category: false"
        parts.append(f"::: {name}" + whole * (name in WHOLE))
    return "\n\n".join(parts) + "\n"


def _contents() -> str:
    lines = [
        "# Reference",
        "",
        "Every public name, from its docstring. `resqunn` is the library; `resqunn.lab` needs the "
        "extra `[lab]`.",
    ]
    for name, group in GROUPS.items():
        links = (f"[`{path.rpartition('.')[2]}`]({name}.md#{path})" for path in group["names"])
        lines += ["", f"## [{group['title']}]({name}.md)", "", ", ".join(links)]
    return "\n".join(lines) + "\n"
