"""Stages: what the analysis is at, for whoever waits for it.

For: naming a piece of work that may take seconds, where it is done; a command shows the name while it lasts. Nothing
else depends on it. Not for: logging, or how it is shown (`cli/progress.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar

_LISTENER: ContextVar[Callable[[str], None] | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Callable[[str], None]) -> Generator[None]:
    """Inside, in this context, `listener` is told each stage that begins."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def stage(name: str) -> None:
    """A piece of work begins: "reach: following 65,536 keys", say."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(name)
