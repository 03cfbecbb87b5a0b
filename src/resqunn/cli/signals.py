"""Ctrl-C and SIGTERM end a command with one line, and 128 plus the signal as its status.

Nothing but the standard library's smallest parts is imported here, so that it holds from the
first moment on.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = "interrupted"


class Stopped(KeyboardInterrupt):
    """The user, or the system, wants the command to end; the message says how to go on."""

    def __init__(self, number: int) -> None:
        super().__init__(INTERRUPTED)
        self.status = 128 + number


@contextlib.contextmanager
def leaving_at_once() -> Iterator[None]:
    """Signals end the process on the spot.

    For the time of imports: there is nothing to tidy up, and an exception that is raised
    within someone else's module may be caught there.
    """
    with _handled(_leave):
        yield


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """The first signal raises `Stopped`, so that work is left tidy; a second one ends at once."""
    with _handled(_stop):
        yield


def _leave(number: int, _: FrameType | None) -> NoReturn:
    os.write(2, f"resqunn: {INTERRUPTED}\n".encode())
    os._exit(128 + number)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    _install(_leave)
    raise Stopped(number)


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], NoReturn]) -> Iterator[None]:
    before = _install(handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _install(handler: Callable[[int, FrameType | None], NoReturn]) -> dict[int, Any]:
    """Sets the handler where signals are not ignored, as by nohup; returns those before it."""
    before = {}
    # Only the main thread may handle signals; elsewhere they are left alone.
    with contextlib.suppress(ValueError):
        for number in SIGNALS:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, handler)
    return before
