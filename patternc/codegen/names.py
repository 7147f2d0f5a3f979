"""Names of kernels, made from the text of the pattern they run.

For: `forward_local_256` and its like, so that a profile or a traceback says which pattern it is about. Not for:
identity; two kernels are the same when their specifications are equal.
"""

from __future__ import annotations

import re
from collections.abc import Container

from patternc.codegen.plan import Role

LONGEST = 56
"""Characters of a name before a number that keeps it unique."""

_WORDS = (("&", " and "), (" - ", " minus "), ("-", " m"))
_IDENTIFIER = re.compile(r"(forward|dq|dkv)_[a-z0-9_]{1,64}")


def kernel_name(role: Role, pattern: str, taken: Container[str]) -> str:
    """A name for the kernel that runs `pattern` in `role`, not in `taken`.

    The pattern's words in lower case joined by underscores, cut at a word where they are long, and numbered from 2
    where the name is taken by a kernel that differs.
    """
    text = pattern.lower()
    for symbol, word in _WORDS:
        text = text.replace(symbol, word)
    words = re.findall(r"[a-z0-9]+", text) or ["pattern"]
    name = f"{role}_{words[0]}"[:LONGEST]
    for word in words[1:]:
        if len(name) + 1 + len(word) > LONGEST:
            break
        name = f"{name}_{word}"
    unique, number = name, 1
    while unique in taken:
        number += 1
        unique = f"{name}_{number}"
    return unique


def is_kernel_name(name: str) -> bool:
    """Whether `name` may stand as a function in generated text: what comes from a file is checked before it does."""
    return _IDENTIFIER.fullmatch(name) is not None
