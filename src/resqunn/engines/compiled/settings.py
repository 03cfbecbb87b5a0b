"""What the user tells numba about how to compile: code made under such settings is used only so.

They are said by environment variables, by a file in the working folder, or in a program that sets
`numba.config.OPT` and the like. numba is not imported to find out: where it is not, nobody can
have set anything there.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from functools import lru_cache
from hashlib import sha256
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any

PREFIX = "NUMBA_"
FILE = ".numba_config.yaml"
CONFIG = "numba.core.config"
"""The module whose upper-case names are the settings."""

IGNORED = (
    "CACHE_DIR",
    "NUM_THREADS",
    "DEFAULT_NUM_THREADS",
    "THREADING_LAYER",
    "THREADING_LAYER_PRIORITY",
    "DISABLE_JIT",
    "BOUNDSCHECK",
)
"""Settings that code does not depend on; `compiler.py` overrules the last two."""


def settings() -> dict[str, str]:
    """All of them, by name."""
    found = {name: value for name, value in sorted(os.environ.items()) if _decides(name, True)}
    with contextlib.suppress(OSError):
        found[FILE] = sha256(Path(FILE).read_bytes()).hexdigest()
    config = sys.modules.get(CONFIG)
    return found if config is None else found | _set_in_this_process(config, found)


def _decides(name: str, prefixed: bool) -> bool:
    plain = name.removeprefix(PREFIX)
    return name.isupper() and plain not in IGNORED and (not prefixed or plain != name)


def _set_in_this_process(config: Any, outside: dict[str, str]) -> dict[str, str]:
    """Settings that differ from what environment and file, `outside`, make of them."""
    expected = _expected(tuple(outside.items()))
    return {
        f"{CONFIG}.{name}": repr(getattr(config, name, None))
        for name, value in expected.items()
        if repr(getattr(config, name, None)) != value
    }


@lru_cache(maxsize=1)
def _expected(_: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The settings in a fresh copy of the module, which reads the environment of now."""
    spec: Any = find_spec(CONFIG)
    fresh = module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they say, numba has said
        spec.loader.exec_module(fresh)
    return {name: repr(value) for name, value in vars(fresh).items() if _decides(name, False)}
