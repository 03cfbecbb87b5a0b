"""What users may import: flat names, found on first use."""

import importlib
import subprocess
import sys

import pytest

import resqunn
import resqunn.data
import resqunn.lab
from resqunn.errors import ResqunnError


@pytest.mark.parametrize(
    "module", [resqunn, resqunn.data, resqunn.lab], ids=lambda module: module.__name__
)
def test_every_public_name_is_there_and_listed(module) -> None:
    assert set(module.__all__) <= set(dir(module))
    for name in module.__all__:
        assert getattr(module, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Qanv2d'"):
        module.Qanv2d  # noqa: B018


def test_what_users_extend_and_catch_is_flat() -> None:
    for name in ("Encoding", "Ansatz", "Readout", "Gate", "Engine", "Operation", "Observable"):
        assert name in resqunn.__all__
    errors = importlib.import_module("resqunn.errors")
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, ResqunnError):
            assert getattr(resqunn, name) is value
    assert issubclass(resqunn.WrongTypeError, TypeError)
    assert issubclass(resqunn.WrongTypeError, resqunn.ConfigurationError)


@pytest.mark.parametrize(
    "line",
    [
        "import resqunn, resqunn.data, resqunn.data.sources, resqunn.lab",
        "from resqunn import Circuit, Gate",
    ],
)
def test_names_that_need_no_torch_do_not_import_it(line: str) -> None:
    code = f"import sys; {line}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
