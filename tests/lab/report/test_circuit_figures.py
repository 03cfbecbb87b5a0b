"""Figures of what circuits can do show the numbers of their reports."""

from typing import Any

import numpy as np
import pytest

from resqunn import Circuit, circuit_report
from resqunn.lab.report.circuit_figures import fidelity_histograms


@pytest.mark.parametrize(("wide", "shape"), [(True, (2, 3)), (False, (4, 1))])
def test_histograms_are_the_reports(wide: bool, shape: tuple[int, int]) -> None:
    circuits = {n: Circuit("ry", "sim_4", "z", inputs=n, depth=1) for n in (1, 2, 3, 4)}
    reports = {
        str(n): circuit_report(each, pairs=40, samples=2, bins=10) for n, each in circuits.items()
    }
    figure = fidelity_histograms(reports, wide=wide)
    assert figure.axes[0].get_gridspec().get_geometry() == shape
    seen: list[Any] = [ax for ax in figure.axes if ax.get_visible()]
    assert len(seen) == 4
    for ax, (name, report) in zip(seen, reports.items(), strict=True):
        value, error = report.expressibility.value, report.expressibility.error
        assert ax.get_title() == f"{name}\n{value:.4f} ± {error:.4f}"
        found, law = (patch.get_data().values for patch in ax.patches)
        least = ax.get_ylim()[0]
        assert np.allclose(found, np.maximum(report.fidelities / 40, least))
        assert np.allclose(law, np.maximum(report.haar, least))
        assert 0 < least < 1 / 40
