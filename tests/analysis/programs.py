"""Whole programs for the tests of reports, small enough to be checked pair by pair."""

from patternc.compiler import analyse

FIXED = """
param l = isqrt(n)
param c = 2
pattern fixed(l, c) = chunk(l) | columns(l, last = c)
model sparse {
    causal  tokens 64  heads 4  kv_heads 2
    layers 6 {
        0..4 step 2:  local(l)
        1..4 step 2:  stride(l)
        rest:         heads { 0..2: fixed(l, c)  rest: local(2 * l) }
    }
}
expect connected within 2 layers
expect pairs(0) <= n * l
expect density <= 50%
"""

BIGBIRD = """
param block = 4
model bigbird {
    bidirectional  tokens 48  heads 2
    layers 3 { all: blocks(block, local(3) | global([0, -1]) | random(2)) }
}
expect connected within 2 layers
"""

WINDOW = """
param w = 5
model window { causal tokens 60 layers 3 { all: local(w) } }
expect connected
expect pairs(0) <= n
"""

SINKS = "model sinks { causal tokens 50 heads 2 layers 4 { all: local(6) | keys(0..2) } }"

CHUNKS = "model chunks { causal tokens 40 layers 2 { all: chunk(8) } }"

ALL = (FIXED, BIGBIRD, WINDOW, SINKS, CHUNKS)


def program(text, **options):
    """The program, whether or not its expectations hold."""
    found, _ = analyse(text, **options)
    return found


def failures(text, **options):
    return analyse(text, **options)[1]
