"""Modules in `torch.fx.symbolic_trace`: kept whole, as torch keeps its own."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.fx import Proxy

from resqunn.errors import ConfigurationError


def traced_call(module: nn.Module, proxy: Proxy) -> Any:
    """One node that calls the module, in the graph of a model that holds it.

    Raises:
        ConfigurationError: if the module itself is what is traced, so that no model holds it.
    """
    path = proxy.tracer.path_of_module(module)  # pyright: ignore[reportAttributeAccessIssue]
    if not path:
        kind = type(module).__name__
        raise ConfigurationError(
            f"symbolic_trace must be given a model that holds the {kind}, got the {kind} itself: "
            "trace nn.Sequential(layer)"
        )
    return proxy.tracer.create_proxy("call_module", path, (proxy,), {})
