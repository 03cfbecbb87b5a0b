"""One self-contained HTML page from the results of the studies, with its figures and numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from resqunn import __version__
from resqunn.errors import MissingExtraError, RunError
from resqunn.lab.report import figures, formatting, gradient_figures
from resqunn.lab.report.numbers import write_numbers
from resqunn.lab.report.style import Palette, inline, svg_of, write_figure
from resqunn.lab.report.summary import name_of, pairs_of, read_summary
from resqunn.lab.training.files import remove_partials, write_atomically

BEYOND = ("three_layers", "full")
"""Studies that the paper does not have."""

CURVES = "Accuracy after each epoch: mean, and a band from the lowest to the highest seed."
FINAL = "Accuracy after the last epoch: mean, its 95 % interval over seeds, and every single seed."


def write_report(folder: Path) -> Path:
    """Writes `folder/report/index.html` from `folder/summary.json`.

    The page needs no network and no other file. Beside it are its figures as SVG and PNG
    (`figures/`) and its numbers as CSV and JSON (`numbers/`). Parts that were not run are
    left out.

    Returns:
        The page's path.

    Raises:
        RunError: if the results are missing, damaged or of another format, or if the
            report cannot be written.
        MissingExtraError: without the extra `[report]`.
    """
    summary = read_summary(Path(folder))
    template = _template()
    target = Path(folder) / "report"
    try:
        figure_folder = target / "figures"
        figure_folder.mkdir(parents=True, exist_ok=True)
        for place in (target, figure_folder, target / "numbers"):
            remove_partials(place)
        page = _Page(summary, figure_folder)
        sections = page.sections()
        _tidy(figure_folder, page.files)
        files = write_numbers(target / "numbers", summary)
        _tidy(target / "numbers", files)
        text = template.render(
            summary=summary,
            answer=answer(summary),
            version=__version__,
            files=files,
            word=formatting,
            name_of=name_of,
            **sections,
        )
        write_atomically(target / "index.html", text.encode())
        return target / "index.html"
    except OSError as error:
        raise RunError(f"the report cannot be written: {error}") from None


def _template() -> Any:
    try:
        import jinja2
    except ModuleNotFoundError as error:
        if error.name != "jinja2":
            raise
        raise MissingExtraError("the report", "report") from None
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    text = resources.files("resqunn.lab.report").joinpath("template.html").read_text("utf-8")
    return environment.from_string(text)


def _tidy(folder: Path, names: list[str]) -> None:
    """Removes figures and numbers of an earlier report that this one does not have."""
    for path in folder.iterdir():
        if path.suffix in (".svg", ".png", ".csv", ".json") and path.name not in names:
            path.unlink()


class _Page:
    """Draws the figures and gathers what each section shows."""

    def __init__(self, summary: dict[str, Any], folder: Path) -> None:
        self.summary, self.folder = summary, folder
        self.files: list[str] = []
        labels = [s["label"] for study in summary["studies"] for s in study["series"]]
        labels += [row["wiring"] for row in (summary.get("depth") or {}).get("rows", [])]
        self.palette = Palette(labels)

    def sections(self) -> dict[str, Any]:
        studies = [self._study(study) for study in self.summary["studies"] if study["series"]]
        return {
            "studies": [part for part in studies if part["id"] not in BEYOND],
            "beyond": [part for part in studies if part["id"] in BEYOND],
            "gradients": [self._gradients(table) for table in self.summary["gradients"]],
            "depth": self._depth(),
            "controls": self._controls(),
        }

    def _study(self, study: dict[str, Any]) -> dict[str, Any]:
        name = formatting.slug(study["id"])
        shown = []
        if any(series["epochs"]["train_accuracy"]["mean"] for series in study["series"]):
            draw = partial(figures.learning_curves, study, self.palette)
            shown.append(self._figure(f"{name}-curves", draw, "Learning curves", CURVES))
        pairs = pairs_of(study)
        if pairs:
            draw = partial(figures.trained_against_frozen, study, self.palette)
            shown.append(self._figure(f"{name}-frozen", draw, "Trained against frozen", FINAL))
        if 2 * len(pairs) < len(study["series"]):
            draw = partial(figures.final_accuracies, study, self.palette)
            shown.append(self._figure(f"{name}-final", draw, "Final accuracy", FINAL))
        return study | {"figures": shown, "claims": self._claims(study["source"])}

    def _gradients(self, table: dict[str, Any]) -> dict[str, Any]:
        draw = partial(gradient_figures.gradient_grid, table)
        name = f"gradients-{formatting.slug(table['id'])}"
        caption = (
            "What each layer's weights get from the loss: the norm of their gradient. Cut: no "
            "derivative passes to a layer's input, as in the paper's code. True: the whole one."
        )
        shown = [self._figure(name, draw, f"Gradients, {table['layers']} layers", caption)]
        return table | {"figures": shown, "claims": self._claims(table["source"])}

    def _depth(self) -> dict[str, Any] | None:
        depth = self.summary.get("depth")
        if not depth or not any(row["norms"] for row in depth["rows"]):
            return None
        caption = (
            "Median over seeds, true derivatives, logarithmic scale. A gap is a gradient that is "
            "exactly zero."
        )
        draw = partial(gradient_figures.gradient_by_depth, depth, self.palette)
        return depth | {"figures": [self._figure("depth", draw, "Gradient by depth", caption)]}

    def _controls(self) -> dict[str, Any] | None:
        rows = self.summary["controls"]
        if not rows:
            return None
        study = next((s for s in self.summary["studies"] if s["id"] == "fig8"), {"series": []})
        first = study["series"][0]["reading"] if study["series"] else ""
        beside = [s for s in study["series"] if s["reading"] == first and s["trainable"]]
        caption = "Final accuracy of the controls on the same images. " + (
            f"Below the line, the wirings ({first} reading)." if beside else ""
        )
        draw = partial(figures.controls, rows, beside, self.palette)
        return {"rows": rows, "figures": [self._figure("controls", draw, "Controls", caption)]}

    def _figure(
        self, name: str, draw: Callable[[bool], Any], title: str, caption: str
    ) -> dict[str, str]:
        name = name if f"{name}.svg" not in self.files else f"{name}-{len(self.files)}"
        wide = write_figure(draw(True), self.folder / name)
        self.files += [f"{name}.svg", f"{name}.png"]
        narrow = svg_of(draw(False))
        return {
            "name": name,
            "title": title,
            "caption": caption,
            "wide": inline(wide, f"{name}-w", title),
            "narrow": inline(narrow, f"{name}-n", title),
        }

    def _claims(self, source: str) -> list[dict[str, Any]]:
        wanted = formatting.figures_named(source)
        claims = self.summary["claims"]
        return [c for c in claims if wanted & formatting.figures_named(c["source"])]


def answer(summary: dict[str, Any]) -> list[str]:
    """The whole report in a few sentences, from what was measured."""
    options, said = summary["options"], []
    series = [series for study in summary["studies"] for series in study["series"]]
    runs = len({key for one in series for key in one.get("keys") or []})
    if runs:
        count = len(options.get("seeds") or [])
        on = f" on {options['data']}" if options.get("data") else ""
        seeds = f" with {count} seed{'' if count == 1 else 's'}" if count else ""
        said.append(f"{runs:,} training runs{on}{seeds}.")
    counts = {
        verdict: sum(claim["verdict"] == verdict for claim in summary["claims"])
        for verdict in dict.fromkeys(
            [*formatting.VERDICTS, *(c["verdict"] for c in summary["claims"])]
        )
    }
    if summary["claims"]:
        found = [
            f"{count} {formatting.COUNTED.get(verdict, (verdict, verdict))[count > 1]}"
            for verdict, count in counts.items()
            if count
        ]
        whole = len(summary["claims"])
        of = f"Of {whole} claims of the paper" if whole > 1 else "Of one claim"
        said.append(f"{of}, {', '.join(found)}.")
    for table in summary["gradients"]:
        reach = {
            setting: sum(all(c["status"] == "flows" for c in r[setting]) for r in table["rows"])
            for setting in ("cut", "true")
        }
        said.append(
            f"With {table['layers']} layers, {reach['cut']} of {len(table['rows'])} wirings pass a "
            f"gradient to every layer when input derivatives are cut, {reach['true']} with the "
            "true derivatives."
        )
    if options.get("quick"):
        said.append(
            "This was a quick run: small data, few epochs; it shows the form, not the facts."
        )
    return said
