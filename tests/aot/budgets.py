"""The table of budgets: how many instructions each loop of a kernel may have, as a page that people read.

`tests/aot/budgets/triton_<version>.md` has a row for each loop: what it was when the table was written, and the budget,
two per cent more. A count comes from ptxas without a device, and the same every time; at head_dim 64 a forward loop is
bound by instructions as much as by the matrix units, so a loop that grows is a kernel that slows down. No triton here.
"""

from __future__ import annotations

from pathlib import Path

SLACK_PERCENT = 2
RENEW = "if it is worth it, `pytest tests/aot --update-golden` writes the table anew: read the difference"

HEADINGS = ("kernel", "tile", "loop", "instructions", "budget", "registers", "programs")
SHARED_OF_SM = {80: 164 * 1024, 90: 228 * 1024}
"""Bytes of shared memory of a multiprocessor; 1 KB of it goes to each program."""
WARPS_OF_SM = 64

Row = dict[str, str]
"""A line of the table by heading; every loop of a kernel is one."""


def rows_of(reports: dict[str, dict]) -> list[Row]:
    """The table's lines for the kernels in `reports`, sorted by kernel."""
    rows = []
    for key, report in sorted(reports.items()):
        for span, loop in zip(report["spans"], report["loops"], strict=True):
            count = loop["instructions"]
            values = (key, report["tile"], span, count, with_slack(count), report["regs"], programs(report))
            rows.append(dict(zip(HEADINGS, map(str, values), strict=True)))
    return rows


def with_slack(count: int) -> int:
    return -(-count * (100 + SLACK_PERCENT) // 100)


def programs(report: dict) -> int:
    """How many programs a multiprocessor holds at a time."""
    warps = report["warps"]
    registers = -(-report["regs"] // 8) * 8 * 32 * warps
    shared = SHARED_OF_SM[report["arch"]] // (report["shared"] + 1024)
    return min(65536 // registers, shared, WARPS_OF_SM // warps)


def page(rows: list[Row], version: str) -> str:
    """The whole file."""
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in HEADINGS}
    right = HEADINGS[3:]

    def line(row: Row) -> str:
        cells = (row[name].rjust(widths[name]) if name in right else row[name].ljust(widths[name]) for name in HEADINGS)
        return f"| {' | '.join(cells)} |"

    rule = (f"{'-' * (widths[name] - 1)}{':' if name in right else '-'}" for name in HEADINGS)
    return "\n".join(
        [
            f"# Loops as triton {version} compiles them",
            "",
            "Instructions of each inner loop, and how many it may have; registers a thread; programs that a",
            "multiprocessor holds at a time, which may not become fewer.",
            "`pytest tests/aot --update-golden` writes this page anew.",
            "",
            line({name: name for name in HEADINGS}),
            f"| {' | '.join(rule)} |",
            *map(line, rows),
            "",
        ]
    )


def read(path: Path) -> list[Row]:
    """The lines of a file that `page` wrote."""
    lines = [line for line in path.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert tuple(cells[0]) == HEADINGS, f"{path} has other headings; {RENEW}"
    return [dict(zip(HEADINGS, row, strict=True)) for row in cells[2:]]


def worse(now: list[Row], kept: list[Row]) -> list[str]:
    """What is over budget, holds fewer programs, or is in one of the tables only: a line of text each."""
    found, known = [], {(row["kernel"], row["loop"]): row for row in kept}
    for row in now:
        before = known.pop((row["kernel"], row["loop"]), None)
        place = f"{row['kernel']}, {row['loop']} loop"
        if before is None:
            found.append(f"{place}: not in the table")
            continue
        if int(row["instructions"]) > int(before["budget"]):
            found.append(
                f"{place}: {row['instructions']} instructions; the budget is {before['budget']}, "
                f"it had {before['instructions']}"
            )
        if int(row["programs"]) < int(before["programs"]):
            found.append(f"{place}: {row['programs']} programs a multiprocessor, it had {before['programs']}")
    return [*found, *(f"{kernel}, {loop} loop: in the table, but no longer there" for kernel, loop in known)]
