"""A Dask cluster as the place where runs are executed.

All workers must see the results folder under the same path, as on a shared file system, and
the data sets likewise. Start them with one thread each: `dask worker ADDRESS --nthreads 1`.
"""

# Dask is an optional dependency without types.
# pyright: reportMissingImports=false, reportMissingTypeStubs=false

from __future__ import annotations

import contextlib
import time
from asyncio import CancelledError as AsyncCancelled
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from resqunn.errors import MissingExtraError, RunError
from resqunn.lab.study.executors.base import Executor, Outcome, Stack, attempt, outcomes_of
from resqunn.lab.training.provenance import DECISIVE, versions

TIMEOUT = 5
"""Seconds that the scheduler gets to answer."""


class DaskCluster(Executor):
    """A running cluster.

    Runs whose worker dies are moved to another worker by Dask itself, a few times.

    Args:
        address: of its scheduler, such as "tcp://10.0.0.1:8786".

    Raises:
        MissingExtraError: without the extra [dask].
        RunError: if nobody answers there, or the cluster has no workers.
    """

    def __init__(self, address: str) -> None:
        try:
            import distributed  # noqa: TID251 - between processes of this library
        except ImportError:
            raise MissingExtraError("a Dask cluster", "dask") from None
        self.address = address
        self._held = contextlib.ExitStack()
        self._held.enter_context(_quiet())
        try:
            self.client: Any = distributed.Client(address, timeout=TIMEOUT, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            self._held.close()
            raise RunError(
                f"no Dask scheduler answers at {address} ({type(error).__name__}): start one with "
                "`dask scheduler` and give its address, such as tcp://HOST:8786"
            ) from None
        try:
            if self.width == 0:
                raise RunError(
                    f"the Dask cluster at {address} has no workers: start some with "
                    f"`dask worker {address} --nthreads 1`"
                )
        except BaseException:
            self.close()
            raise

    @property
    def width(self) -> int:
        with self._reaching_the_scheduler():
            return len(self.client.scheduler_info(n_workers=-1)["workers"])

    def outcomes(self, stacks: Sequence[Stack], folder: Path) -> Iterator[list[Outcome]]:
        from distributed import as_completed  # noqa: TID251

        folder = folder.absolute()
        self._check_workers(folder)
        futures: dict[Any, Stack] = {}
        start = time.monotonic()
        try:
            with self._reaching_the_scheduler():
                for stack in stacks:
                    key = f"resqunn-{stack[0].key}-{len(stack)}"
                    submitted = self.client.submit(attempt, stack, folder, key=key, pure=False)
                    futures[submitted] = stack
                completed = iter(as_completed(list(futures), loop=self.client.loop))
            while True:
                with self._reaching_the_scheduler():
                    future = next(completed, None)
                    if future is None:
                        return
                    # An exception here is Dask's own: the runs' are in the outcomes.
                    error = future.exception()
                    if error is None:
                        found = future.result()  # which raises if the future was cancelled
                    else:
                        line, stack = f"{type(error).__name__}: {error}", futures[future]
                        found = outcomes_of(stack, {run.key: line for run in stack}, start)
                yield found
        finally:
            with contextlib.suppress(Exception, AsyncCancelled):
                self.client.cancel(list(futures), force=True)
                for future in futures:
                    future.release()

    @contextlib.contextmanager
    def _reaching_the_scheduler(self) -> Iterator[None]:
        """
        Raises:
            RunError: if the scheduler has died, or has forgotten the runs.
        """
        try:
            yield
        # Dask has a dozen errors for it, one of them no `Exception`.
        except (Exception, AsyncCancelled) as error:
            raise RunError(
                f"the Dask scheduler at {self.address} is gone, or has forgotten the runs "
                f"({type(error).__name__}): start it again and repeat the same command (finished "
                "runs are kept)"
            ) from None

    def _check_workers(self, folder: Path) -> None:
        with self._reaching_the_scheduler():
            found = self.client.run(_probe, folder, on_error="return")
        ours = versions()
        for worker, answer in found.items():
            if not isinstance(answer, tuple):
                raise RunError(
                    f"the Dask worker {worker} cannot run resqunn ({answer}): install the same "
                    "version there"
                )
            theirs, sees = answer
            for name in DECISIVE:
                if theirs.get(name) != (version := ours.get(name)):
                    raise RunError(
                        f"the Dask worker {worker} has {name} {theirs.get(name)}, not {version}: "
                        "results would be mixed; install the same version there"
                    )
            if not sees:
                raise RunError(
                    f"the Dask worker {worker} does not see {folder}: choose an --out that all "
                    "workers share under the same path"
                )

    def close(self) -> None:
        """Leaves the cluster as it was."""
        with self._held, contextlib.suppress(Exception, AsyncCancelled):
            self.client.close(timeout=TIMEOUT)


def _probe(folder: Path) -> tuple[dict[str, str], bool]:
    return versions(), (folder / "study.json").exists()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the log messages of Dask and of what it is built on: errors say what matters."""
    import logging

    families = ("distributed", "tornado", "asyncio")
    known = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in families]
    loggers = [logging.getLogger(name) for name in {*families, *known}]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
