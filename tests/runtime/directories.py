"""Module directories that were changed after they were written."""

import hashlib
import json

import pytest

from patternc.runtime.artifact import MANIFEST
from patternc.runtime.errors import ModuleError
from patternc.runtime.load import load


def refused(directory, *says, **options):
    """The message of the ModuleError that loading raises; it must hold all of `says`."""
    with pytest.raises(ModuleError) as caught:
        load(directory, **options)
    for part in says:
        assert str(part) in str(caught.value)
    return str(caught.value)


def forge(directory, name, data):
    """Replace a file, and make the manifest agree."""
    (directory / name).write_bytes(data)
    edit_manifest(
        directory,
        lambda manifest: manifest["files"].__setitem__(
            name, {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        ),
    )


def edit_manifest(directory, change):
    manifest = json.loads((directory / MANIFEST).read_text())
    change(manifest)
    (directory / MANIFEST).write_text(json.dumps(manifest))
