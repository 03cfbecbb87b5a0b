"""Papers that can be rerun: one folder a paper, with its studies and claims as data."""

from __future__ import annotations

from resqunn.papers.paper import Options, Paper

__all__ = ["Options", "Paper"]
