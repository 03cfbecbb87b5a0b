"""The page in a real browser: headless Chromium, at desktop and at phone width."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
BROWSER = BROWSER or shutil.which("google-chrome")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    "--allow-file-access-from-files",
)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium, and finds none")

# Headless Chromium has a least window width of about 500 pixels: a phone is a frame of 360.
MEASURE = """<!DOCTYPE html><body><iframe id="f" style="width:WIDTHpx;height:900px;border:0"
src="report/index.html"></iframe><pre id="out"></pre><script>
document.getElementById("f").onload = (event) => {
  const page = event.target.contentDocument, root = page.documentElement;
  const inBox = (e) => e.closest(".scroll, pre, svg") !== null && !e.matches(".scroll, pre, svg");
  const wide = [...page.body.querySelectorAll("*")].filter((e) => !inBox(e))
    .map((e) => [e, e.getBoundingClientRect()])
    .filter(([e, box]) => box.width > 0 && (box.right > root.clientWidth + 1 || box.left < -1))
    .map(([e, box]) => `${e.tagName} ${e.className} ${Math.round(box.right)}`);
  const shown = [...page.querySelectorAll("figure svg")]
    .map((e) => e.getBoundingClientRect()).filter((box) => box.width > 0);
  const spilled = [];
  for (const svg of page.querySelectorAll("figure svg, svg.strip")) {
    const frame = svg.getBoundingClientRect();
    if (frame.width > 0) for (const word of svg.querySelectorAll("text")) {
      const box = word.getBoundingClientRect();
      if (box.right > frame.right + 2 || box.left < frame.left - 2) spilled.push(word.textContent);
    }
  }
  const sizes = [...page.querySelectorAll("figure svg text, svg.strip text")]
    .map((e) => e.getBoundingClientRect().height).filter((height) => height > 0);
  document.getElementById("out").textContent = JSON.stringify({
    client: root.clientWidth, scroll: root.scrollWidth, wide, spilled,
    figures: shown.length, narrowest: Math.min(...shown.map((box) => box.width)),
    smallest: Math.min(...sizes), height: root.scrollHeight,
    first: page.querySelector("figure svg").getBoundingClientRect().top,
    verdicts: page.querySelectorAll(".verdicts .verdict").length,
  });
};
</script></body>"""


def browse(folder: Path, *options: str) -> str:
    assert BROWSER is not None
    command = [BROWSER, *OPTIONS, f"--user-data-dir={folder / 'profile'}", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("width", [1280, 768, 360])
def test_nothing_is_wider_than_the_window(folder: Path, width: int) -> None:
    measure = folder / f"measure-{width}.html"
    measure.write_text(MEASURE.replace("WIDTH", str(width)))
    dumped = browse(
        folder,
        "--window-size=1400,1000",
        "--virtual-time-budget=8000",
        "--dump-dom",
        measure.as_uri(),
    )
    match = re.search(r'<pre id="out">(.+?)</pre>', dumped, re.DOTALL)
    assert match, "the page did not load in its frame"
    found = json.loads(html.unescape(match[1]))
    assert found["client"] in range(width - 20, width + 1)
    assert found["scroll"] <= found["client"], found["wide"]
    assert found["wide"] == []
    assert found["spilled"] == []
    assert found["figures"] == len(list((folder / "report/figures").glob("*.svg")))
    assert found["narrowest"] > 300
    assert found["smallest"] >= 8, "words in figures are too small to read"
    assert found["verdicts"] == 6 + 5  # of the claims, and of variants of those with several
    assert found["first"] < 900, "no picture on the first screen"
    assert found["height"] > 5000


def test_it_prints(folder: Path) -> None:
    printed = folder / "report.pdf"
    page = (folder / "report/index.html").as_uri()
    browse(folder, f"--print-to-pdf={printed}", "--no-pdf-header-footer", page)
    assert printed.read_bytes().startswith(b"%PDF")
    assert printed.stat().st_size > 50_000
