"""The version of this package, for everything that says or compares it."""

VERSION = "0.1.0"
