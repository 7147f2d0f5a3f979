"""The two exceptions that running a compiled pattern can raise for what a user did.

For: callers, who can catch them by name. Not for: mistakes in patterns, which are diagnostics (`PatternError`).
"""

from __future__ import annotations


class AttentionInputError(ValueError):
    """A call of an attention module cannot be served as made.

    The message names what was expected, what came, and what would do. Nothing has run when it is raised.
    """


class ModuleError(ValueError):
    """A module directory cannot be written or is not one that can be trusted; the message names the file and why.

    Nothing from the directory has been executed when it is raised, and nothing half-written is left.
    """
