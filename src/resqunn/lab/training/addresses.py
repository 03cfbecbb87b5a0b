"""Things of other people's modules, by an address that the user has named."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from resqunn.errors import ConfigurationError
from resqunn.lab.training.harmless import one_line


def imported(address: str, what: str) -> Any:
    """What stands at an address, "package.module:name"; the module may lie in the current folder.

    Args:
        what: it is to be, for the message.

    Raises:
        ConfigurationError: if it cannot be imported; says why.
    """
    module, _, name = address.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")  # a module in the current folder, as for `python -m`
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:
        raise ConfigurationError(
            f"{what} {address!r} cannot be imported ({type(error).__name__}: "
            f"{one_line(error):.300})"
        ) from None
