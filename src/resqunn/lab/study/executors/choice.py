"""Which executor the options of a command ask for."""

from __future__ import annotations

from resqunn.errors import ConfigurationError
from resqunn.lab.study.executors.base import Executor, Serial
from resqunn.lab.study.executors.dask_cluster import DaskCluster
from resqunn.lab.study.executors.pool import Pool


def executor(workers: int, dask: str | None = None) -> Executor:
    """`workers` processes of this machine, or a Dask cluster.

    Args:
        dask: the address of its scheduler, which then decides alone.

    Raises:
        ConfigurationError: for less than one worker.
        RunError, MissingExtraError: if there is no such cluster.
    """
    if dask is not None:
        return DaskCluster(dask)
    if workers < 1:
        raise ConfigurationError(f"workers must be 1 or more, got {workers}")
    return Serial() if workers == 1 else Pool(workers)
