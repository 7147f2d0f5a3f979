"""What can be told from the form of relations alone: that one contains another, that one draws.

For: simplifications (`rules.py`). Sound, not complete. Not for: deciding containment.
"""

from __future__ import annotations

from patternc.algebra import relation as r


def contains(outer: r.Relation, inner: r.Relation) -> bool:
    """Whether every pair of `inner` is plainly one of `outer`; False when that is not plain."""
    if outer == inner or isinstance(outer, r.Full) or isinstance(inner, r.Empty):
        return True
    match outer, inner:
        case r.Intersection(parts), _:
            return all(contains(part, inner) for part in parts)
        case _, r.Union(parts):
            return all(contains(outer, part) for part in parts)
        case r.Union(parts), _ if any(contains(part, inner) for part in parts):
            return True
        case _, r.Intersection(parts) if any(contains(outer, part) for part in parts):
            return True
        case _, r.Difference(left, _):
            return contains(outer, left)
        case r.Band(low, high, step), r.Band(low2, high2, step2):
            above = low is None or (low2 is not None and low2 >= low)
            below = high is None or (high2 is not None and high2 <= high)
            single = low2 is not None and low2 == high2 and low2 % step == 0
            return above and below and (step2 % step == 0 or single)
        case r.Residue(modulus, residues), r.Band(low, high, step):
            single = low is not None and low == high and low % modulus in residues
            return single or (step % modulus == 0 and 0 in residues)
        case r.Residue(modulus, residues), r.Residue(modulus2, residues2):
            return modulus2 % modulus == 0 and all(residue % modulus in residues for residue in residues2)
        case r.Band(low, None, 1), r.Random(causal=True):
            return low is not None and low <= 0
        case r.Keys(spans), r.Keys(spans2):
            return all(any(a <= c and d <= b for a, b in spans) for c, d in spans2)
        case r.Queries(spans), r.Queries(spans2):
            return all(any(a <= c and d <= b for a, b in spans) for c, d in spans2)
        case r.Blocks(size, lifted), r.Blocks(size2, lifted2):
            return size == size2 and contains(lifted, lifted2)
        case _:
            return False


def has_random(relation: r.Relation) -> bool:
    """Whether a random set occurs anywhere in the relation."""
    match relation:
        case r.Random():
            return True
        case r.Blocks(_, inner) | r.Within(_, inner) | r.Slice(_, _, inner):
            return has_random(inner)
        case r.Union(parts) | r.Intersection(parts):
            return any(map(has_random, parts))
        case r.Difference(left, right):
            return has_random(left) or has_random(right)
        case _:
            return False
