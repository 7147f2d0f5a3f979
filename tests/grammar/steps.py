"""How much work a function does, as lines of Python executed: the same number every time, on any machine."""

import sys
from pathlib import Path

import lark

import patternc

COUNTED = tuple(str(Path(package.__file__).parent) for package in (patternc, lark))


def steps(function, *arguments):
    """The lines that run inside the compiler and its parser while `function` does."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        if event == "call":
            return trace if frame.f_code.co_filename.startswith(COUNTED) else None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
    return count
