"""Progress: a line on standard error that says what takes so long, on a terminal and after a second.

For: commands whose work may take seconds. The line is gone when the work is done. Not for: results, or anything that a
script reads.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from patternc.analysis.stages import listening

if TYPE_CHECKING:
    from rich.status import Status

PATIENCE_S = 1.0


class _Line:
    """The line, which appears once PATIENCE_S has passed, and follows the stages from then on."""

    def __init__(self) -> None:
        self._name = "working"
        self._status: Status | None = None
        self._over = False
        self._lock = threading.Lock()
        self._timer = threading.Timer(PATIENCE_S, self._show)
        self._timer.daemon = True

    def start(self) -> None:
        self._timer.start()

    def stage(self, name: str) -> None:
        with self._lock:
            self._name = name
            if self._status is not None:
                self._status.update(name)

    def stop(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True
            if self._status is not None:
                self._status.stop()

    def _show(self) -> None:
        from rich.console import Console

        with self._lock:
            if not self._over:
                self._status = Console(stderr=True, highlight=False).status(self._name)
                self._status.start()


@contextmanager
def progress() -> Generator[None]:
    """Inside, what is worked at is shown if it takes long and standard error is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    line = _Line()
    line.start()
    try:
        with listening(line.stage):
            yield
    finally:
        line.stop()
