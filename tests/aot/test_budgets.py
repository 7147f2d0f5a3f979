"""The table of budgets: a kernel that gets worse is found, and so is a table that is not of these kernels."""

import copy

import pytest

from tests.aot import budgets

REPORTS = {
    f"strided: {role}_local.d64.bfloat16.sm90": {
        "tile": "128 x 64",
        "spans": ["full", "interval"],
        "loops": [{"instructions": 500}, {"instructions": 651}],
        "regs": 126,
        "shared": 65536,
        "warps": 8,
        "arch": 90,
    }
    for role in ("forward", "dq")
}


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "table.md"
    path.write_text(budgets.page(budgets.rows_of(REPORTS), "3.7.1"))
    return budgets.read(path)


def worse(kept, **changes):
    now = copy.deepcopy(REPORTS)
    now["strided: dq_local.d64.bfloat16.sm90"].update(changes)
    return budgets.worse(budgets.rows_of(now), kept)


def test_what_was_written_is_read_again_and_within_its_budget(kept):
    assert kept == budgets.rows_of(REPORTS)
    assert worse(kept) == []


def test_a_loop_may_grow_by_the_slack_and_no_more(kept):
    assert worse(kept, loops=[{"instructions": 510}, {"instructions": 665}]) == []
    assert worse(kept, loops=[{"instructions": 510}, {"instructions": 666}]) == [
        "strided: dq_local.d64.bfloat16.sm90, interval loop: 666 instructions; the budget is 665, it had 651"
    ]


def test_fewer_programs_at_a_time(kept):
    assert worse(kept, regs=128) == []
    assert worse(kept, regs=129) == [
        f"strided: dq_local.d64.bfloat16.sm90, {loop} loop: 1 programs a multiprocessor, it had 2"
        for loop in ("full", "interval")
    ]
    assert len(worse(kept, shared=120_000)) == 2


def test_a_table_of_other_kernels(kept):
    found = worse(kept, spans=["full", "bits"])
    assert [text.split(": ")[-1] for text in found] == ["not in the table", "in the table, but no longer there"]
