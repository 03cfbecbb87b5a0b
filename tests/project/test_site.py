"""The site is built without a warning, asks no network, and shows every public name."""

import html
import importlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from resqunn.circuits.readouts import READOUTS

ROOT = Path(__file__).parents[2]
GROUPS = tomllib.loads((ROOT / "docs/site/reference.toml").read_text(encoding="utf-8"))
NAMES = [name for group in GROUPS.values() for name in group["names"]]
MISSING = [
    name for name in ("mkdocs", "material", "mkdocstrings", "latex2mathml") if not find_spec(name)
]
ON_SITE = pytest.mark.skipif(bool(MISSING), reason="needs the extra [docs]: " + ", ".join(MISSING))

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1000,1000"),
    *("--allow-file-access-from-files", "--virtual-time-budget=60000"),
)

LOADED = {
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "image": "href",
    "img": "src",
    "link": "href",
    "object": "data",
    "script": "src",
    "source": "srcset",
    "use": "href",
    "video": "src",
}
"""What a browser fetches by itself, by element."""


class Page(HTMLParser):
    """What a page loads, which anchors it has, and its words outside of code."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.words: list[str] = []
        self._skipped = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name.rpartition(":")[2]: value or "" for name, value in attrs}
        # A canonical link or the like is not fetched.
        if tag in LOADED and not (
            tag == "link" and given.get("rel") in {"canonical", "next", "prev"}
        ):
            self.loaded.append(given.get(LOADED[tag], ""))
        self.loaded += re.findall(r"url\(([^)]*)\)", given.get("style", ""))
        self.anchors.add(given.get("id", ""))
        self._skipped += tag in {"code", "script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self._skipped -= tag in {"code", "script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.words.append(data)


@pytest.fixture
def guide(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """What makes pages of docs/usage.md."""
    monkeypatch.syspath_prepend(str(ROOT / "docs/site"))
    return importlib.import_module("guide")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The site's folder, and the text of every file in it."""
    folder = tmp_path_factory.mktemp("site")
    run = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    kinds = {".html", ".css", ".js"}
    files = [path for path in folder.rglob("*") if path.suffix in kinds]
    return folder, {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in files}


@pytest.fixture(scope="module")
def site(built: tuple[Path, dict[str, str]]) -> dict[str, str]:
    return built[1]


@pytest.fixture(scope="module")
def pages(site: dict[str, str]) -> dict[str, Page]:
    return {name: Page(text) for name, text in site.items() if name.endswith(".html")}


def test_the_reference_has_every_public_name_once() -> None:
    modules = ("circuits.encodings", "circuits.ansatze", "papers", "data", "lab")
    public = {}
    for module in (*(f"resqunn.{name}" for name in modules), "resqunn"):  # the shortest is kept
        for name in importlib.import_module(module).__all__:
            found = getattr(importlib.import_module(module), name)
            if inspect.isclass(found) or not module.startswith("resqunn.circuits"):
                public[id(found)] = f"{module}.{name}"
    readouts = {type(readout).__name__ for readout in READOUTS.values()}
    public |= {name: f"resqunn.circuits.readouts.{name}" for name in readouts - {"Variance"}}
    assert sorted(NAMES) == sorted(public.values())
    assert max(Counter(NAMES).values()) == 1


@ON_SITE
def test_a_page_asks_the_network_for_nothing(site: dict[str, str], pages: dict[str, Page]) -> None:
    assert len(pages) > 20
    for name, page in pages.items():
        assert page.loaded, name
        for address in page.loaded:
            assert not re.match(r"\s*(\w+:)?//", address), (name, address)
    for name, text in site.items():
        if name.endswith(".css"):
            found = re.findall(r"url\(\s*[\"']?([^)\"']*)|@import\s+[\"']([^\"']*)", text)
            for address in map("".join, found):
                assert not re.match(r"(https?:)?//", address), (name, address)


@ON_SITE
def test_every_public_name_has_its_place(site: dict[str, str], pages: dict[str, Page]) -> None:
    for page, group in GROUPS.items():
        for name in group["names"]:
            assert name in pages[f"reference/{page}.html"].anchors, name
    assert "Annotated[" not in site["reference/training.html"]
    circuits = site["reference/circuits.html"]  # both are inherited, methods before attributes
    assert (
        0 < circuits.find('id="resqunn.Circuit.draw"') < circuits.find('id="resqunn.Circuit.runs"')
    )


@ON_SITE
def test_each_section_of_the_guide_is_on_a_page(pages: dict[str, Page]) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / "docs/usage.md").read_text("utf-8"), flags=re.DOTALL)
    sections = re.findall(r"^(##+) (.*)$", text, re.MULTILINE)
    assert len(sections) > 10
    page = ""
    for marks, title in sections:
        anchor = re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
        page = anchor if marks == "##" else page
        assert anchor in pages[f"guide/{page}.html"].anchors


@ON_SITE
def test_links_have_titles_for_words(site: dict[str, str]) -> None:
    """In the repository some have a file's name, which a reader of the site has never seen."""
    for name, text in site.items():
        words = re.findall(r'<a href="(?!\w+:)[^>]*>([\w/]+\.(?:md|cff))</a>', text)
        assert words == [], name
    assert '"contributing.html">Contributing<' in site["index.html"]
    assert '"../contributing.html">Contributing<' in site["notebooks/index.html"]


@ON_SITE
def test_commands_of_the_start_page_have_a_line_each(site: dict[str, str]) -> None:
    shown = html.unescape(re.sub("<[^>]*>", "", site["index.html"]))
    assert '".[lab]"\nresqunn reproduce --quick\n' in shown


@ON_SITE
def test_a_file_s_name_becomes_the_title_of_what_is_linked(guide: ModuleType) -> None:
    moved = {"contributing.md": "CONTRIBUTING.md"}
    for text, words in {
        "[faq.md](faq.md)": "[Questions](faq.md)",
        "[docs/faq.md](../faq.md#why-is-it-fast)": "[Why is it fast?](../faq.md#why-is-it-fast)",
        "[CONTRIBUTING.md](contributing.md)": "[Contributing](contributing.md)",
        "[my words](faq.md)": "[my words](faq.md)",
        "[gone.md](gone.md)": "[gone.md](gone.md)",
    }.items():
        assert guide.titled(text, moved) == words


@ON_SITE
def test_links_of_studies_lead_to_the_sections_that_they_are_about(site: dict[str, str]) -> None:
    links = re.findall(r'<a href="(guide/[^"]*)">', site["studies.html"].partition("<article")[2])
    assert "guide/images.html#images" in links
    assert "guide/runs.html#a-network-of-your-own" in links
    assert "guide/index.html" not in links


@ON_SITE
def test_equations_are_equations_and_examples_code(
    site: dict[str, str], pages: dict[str, Page]
) -> None:
    assert "<math" in site["reference/layers.html"]
    for name, page in pages.items():
        words = " ".join(page.words)
        assert not re.search(r"\\[a-z]{2,}|\$[^$]*\$|>>>", words), name
        assert "arithmatex" not in site[name]
        assert name.partition("/")[0] != "reference" or "<blockquote" not in site[name], name


@ON_SITE
def test_a_notebook_shows_pictures_and_what_its_cells_print(
    built: tuple[Path, dict[str, str]], site: dict[str, str], pages: dict[str, Page]
) -> None:
    found = [path.stem for path in (ROOT / "docs/notebooks").glob("*.py")]
    assert len(found) == 7
    for name in found:
        page = f"notebooks/{name}.html"
        assert '<pre class="output">' in site[page], name
        assert 'class="small"' in site[page], name  # of one that fits a phone
        drawn = [address for address in pages[page].loaded if address.endswith(".svg")]
        assert drawn, name
        for address in (*drawn, f"{name}.ipynb"):
            assert (built[0] / "notebooks" / address).stat().st_size > 1000, address


def browse(page: str, profile: Path) -> str:
    """The page's elements, after a minute of its own time."""
    assert BROWSER is not None
    return subprocess.run(
        [BROWSER, *OPTIONS, f"--user-data-dir={profile}", "--dump-dom", page],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout


# Headless Chromium has a least window width of about 500 pixels: a phone is a frame of 390.
MEASURE = """<!DOCTYPE html><body><pre id="out"></pre><script>
const boxes = "pre, .md-typeset__scrollwrap, math, p:has(> img:only-child)";
const found = {}, pages = PAGES;
const look = (page) => new Promise((done) => {
  const frame = document.createElement("iframe");
  frame.style = "width: 390px; height: 800px; border: 0";
  frame.src = page;
  frame.onload = () => {
    const root = frame.contentDocument.documentElement;
    const wide = [...root.querySelectorAll(".md-content *")]
      .filter((e) => !e.closest(boxes) && e.getBoundingClientRect().right > 391);
    found[page] = [root.scrollWidth, wide.slice(0, 3).map((e) => e.outerHTML.slice(0, 80))];
    frame.remove();
    done();
  };
  document.body.appendChild(frame);
});
(async () => {
  for (const page of pages) await look(page);
  document.getElementById("out").textContent = JSON.stringify(found);
})();
</script></body>"""


@ON_SITE
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium, and finds none")
def test_no_page_is_wider_than_a_phone(
    built: tuple[Path, dict[str, str]], pages: dict[str, Page], tmp_path: Path
) -> None:
    measure = built[0] / "measure.html"
    measure.write_text(MEASURE.replace("PAGES", json.dumps(sorted(pages))))
    dumped = browse(measure.as_uri(), tmp_path)
    match = re.search(r'<pre id="out">(.+?)</pre>', dumped, re.DOTALL)
    assert match, "the pages did not load in their frames"
    found = json.loads(html.unescape(match[1]))
    assert found.keys() == pages.keys()
    for page, (width, wide) in found.items():
        assert width <= 390, page
        assert wide == [], page


@ON_SITE
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium, and finds none")
def test_search_finds_a_name_in_pages_opened_as_files(
    built: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    page = f"{(built[0] / 'index.html').as_uri()}?q=replace_conv2d"
    assert "reference/layers.html?h=replace_conv2d" in browse(page, tmp_path)
