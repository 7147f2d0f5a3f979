"""Reading stored layouts: .npy files of one square boolean array, or of one for each head.

For: `layout("file.npy")`. The header is looked at before anything of its size is allocated, and nothing is unpickled.
numpy is imported where a file is really read: a program without layouts is checked without it. Not for: what a layout
is at a place (`algebra/primitives.py`).
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import stat
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING

from patternc.grammar import typed

if TYPE_CHECKING:
    import numpy as np

MAX_BYTES = 64 << 20
"""The most bytes an array may have: 8,192 x 8,192 booleans, or 16 heads of 2,048 x 2,048."""
MAX_HEADER = 10_000
"""The most characters of a header; numpy.save writes about 100."""

_OPEN = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_MAGIC = b"\x93NUMPY"
_WRITTEN = re.compile(
    rb"\{'descr': '(?P<dtype>[<>|=][?A-Za-z]\d{0,4})', 'fortran_order': (?P<fortran>True|False), "
    rb"'shape': \((?P<shape>(\d{1,12}, ?)*(\d{1,12})?)\),? *\} *\n?"
)
_WHOLE = re.compile("[|]b1|[<>|=][iu][1248]")
_SAVE = "save it with numpy.save, as booleans: numpy.save(file, mask.astype(bool))"


class LayoutFileError(Exception):
    """The file is no layout: the code, the message and a note of the diagnostic to be."""

    def __init__(self, code: str, message: str, note: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.note = code, message, note


def read_layout(path: Path, name: str) -> typed.StoredLayout:
    """The layout in a file that messages call `name`. Raises LayoutFileError."""
    try:
        handle = os.open(path, _OPEN)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        missing = isinstance(error, FileNotFoundError)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        message = f"there is no file `{name}`" if missing else f"`{name}` cannot be read: {reason}"
        raise LayoutFileError("PA009", message, "a layout is looked for beside the file that names it") from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise LayoutFileError("PA009", f"`{name}` cannot be read: it is no file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return _read(file, status.st_size, name)
    except OSError as error:
        raise LayoutFileError("PA009", f"`{name}` cannot be read: {error.strerror or error}") from None
    finally:
        os.close(handle)


def stored(bits: bytes, heads: int | None, side: int) -> typed.StoredLayout:
    """A layout as programs keep it, from its rows packed to bits."""
    return typed.StoredLayout(digest(bits, heads, side), heads, side, base64.b64encode(bits).decode("ascii"))


def digest(bits: bytes, heads: int | None, side: int) -> str:
    """What tells the content of a layout from all others."""
    return hashlib.sha256(b"%d %d " % (heads or 0, side) + bits).hexdigest()


def _read(file: IO[bytes], size: int, name: str) -> typed.StoredLayout:
    import numpy as np

    shape, fortran, written = _header(file, name)
    heads, side = _sizes(shape, name)
    dtype = _checked(written, name)
    claimed = prod(shape) * dtype.itemsize
    if claimed > MAX_BYTES:
        message = f"the array in `{name}` has {claimed:,} bytes, more than the {MAX_BYTES:,} a layout may have"
        note = "a coarser layout under `blocks(b, ...)` says the same for b * b pairs at a time"
        raise LayoutFileError("PA011", message, note)
    there = size - file.tell()
    if there != claimed:
        what = "is cut off" if there < claimed else "goes on after its array"
        message = f"`{name}` {what}: its header says {claimed:,} bytes, and {there:,} follow"
        raise LayoutFileError("PA010", message, _SAVE)
    data = file.read(there)
    if len(data) != there:
        raise LayoutFileError("PA010", f"`{name}` is cut off: it changed while it was read")
    values = np.frombuffer(data, dtype=np.uint8 if dtype == np.bool_ else dtype)
    wrong = np.flatnonzero((values != 0) & (values != 1))
    if wrong.size:
        message = f"`{name}` holds {values[wrong[0]]}: a layout is of booleans, or of the integers 0 and 1"
        raise LayoutFileError("PA010", message, _SAVE)
    array = values.reshape(shape, order="F" if fortran else "C").astype(np.bool_)
    return stored(np.packbits(array, axis=-1, bitorder="little").tobytes(), heads, side)


def _header(file: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, str]:
    """The shape of the array in a file, whether its first index runs fastest, and its dtype as written.

    What numpy.save writes is matched as it is: there is nothing to evaluate.
    """
    start = file.read(8)
    wide = 2 if start[6:7] == b"\1" else 4
    length = int.from_bytes(file.read(wide), "little")
    if start[:6] != _MAGIC or start[6:7] not in (b"\1", b"\2", b"\3") or length > MAX_HEADER:
        raise LayoutFileError("PA010", f"`{name}` is not an array that numpy.save wrote", _SAVE)
    found = _WRITTEN.fullmatch(file.read(length))
    if found is None:
        raise LayoutFileError("PA010", f"the header of `{name}` is not that of one plain array", _SAVE)
    shape = tuple(int(each) for each in found["shape"].split(b",") if each.strip())
    return shape, found["fortran"] == b"True", found["dtype"].decode("ascii")


def _sizes(shape: tuple[int, ...], name: str) -> tuple[int | None, int]:
    """The number of heads, None where there is one array for all of them, and the length of a side."""
    if len(shape) not in (2, 3) or shape[-1] != shape[-2] or min(shape) < 1:
        written = " x ".join(f"{length}" for length in shape) or "a single value"
        message = f"the array in `{name}` is {written}; a layout is N x N, or heads x N x N"
        raise LayoutFileError("PA010", message)
    return (shape[0] if len(shape) == 3 else None), shape[-1]


def _checked(dtype: str, name: str) -> np.dtype[np.generic]:
    """The dtype, if its values may be those of a layout."""
    import numpy as np

    if "O" in dtype:
        raise LayoutFileError("PA010", f"`{name}` holds Python objects, which are never unpickled", _SAVE)
    if _WHOLE.fullmatch(dtype) is None:
        message = f"`{name}` holds values of dtype {dtype}: a layout is of booleans, or of the integers 0 and 1"
        raise LayoutFileError("PA010", message, _SAVE)
    return np.dtype(dtype)
