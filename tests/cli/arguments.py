"""What commands are called with in more than one file of tests."""

from pathlib import Path

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.attn"))
EXAMPLE = next(path for path in EXAMPLES if path.stem == "longformer")
INLINE = ("-e", "local(16) | stride(16)", "--causal", "--layers", 2, "--tokens", 96)
