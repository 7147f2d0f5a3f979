"""The report of a checked program, with verdicts on its expectations and advice.

For: asking for all of it at once. Not for: figures (`facts.py`), or a program of which some are known already.
"""

from __future__ import annotations

from collections.abc import Sequence

from patternc.algebra.elaborate import Elaborated
from patternc.analysis.advice import Written, advise
from patternc.analysis.expectations import judge
from patternc.analysis.facts import program_facts
from patternc.analysis.reach import Pair
from patternc.analysis.report import Report, report
from patternc.diagnostics import Diagnostic
from patternc.grammar import typed


def report_program(
    program: typed.Program,
    elaborated: Elaborated,
    path: Pair | None = None,
    warnings: Sequence[Diagnostic] = (),
) -> Report:
    """The report of `elaborated.schedule`, which `program` was elaborated to.

    `path` (key, query) asks for a path, `warnings` are what is known already. Raises what `report` raises.
    """
    facts = program_facts(program, elaborated)
    advice = advise(facts, Written(elaborated.places, elaborated.terms))
    return report(facts, judge(elaborated.expectations, facts), (*warnings, *advice), path)
