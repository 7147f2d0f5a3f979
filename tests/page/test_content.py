"""What the page says: its numbers are those of the JSON, without JavaScript as well, and text is only text."""

import pytest

FAILING = "model short { causal tokens 4096 layers 3 { all: local(64) | keys(0) } } expect connected"


def cells(page, section):
    """The rows of the tables of a section, as texts."""
    return page.eval_on_selector_all(
        f"#{section} tbody tr", "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )


def spread(values, write):
    """A cell of the cost table: the least and the greatest."""
    least, greatest = write(min(values)), write(max(values))
    return least if least == greatest else f"{least} to {greatest}"


def percent(share):
    return f"{share:.2%}" if share >= 1e-4 or not share else f"{share:.1e}"


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("source", ["sparse_transformer", "bigbird", "longformer", "dilated_heads", "longnet", FAILING])
def test_numbers_are_those_of_the_json(open_page, reported, source, javascript):
    html, report, _ = reported(source)
    page = open_page(html, java_script_enabled=javascript)
    assert page.inner_text("h1") == report["model"]
    assert page.inner_text(".facts").split("\n")[0] == f"{report['tokens']:,} tokens"
    figures = page.inner_text(".figures")
    assert f"{report['pairs']['total']:,}" in figures
    assert percent(report["pairs"]["density"]) in figures

    shown = cells(page, "cost")
    heads = [heads for layer in report["layers"] for heads in layer["heads"]]
    assert {row[2] for row in shown} == {each["pattern"] for each in heads}
    for row in shown:
        alike = [each for each in heads if each["pattern"] == row[2]]
        one_row = len({each["pairs"] for each in alike}) == 1 or sum(other[2] == row[2] for other in shown) == 1
        if one_row:
            assert row[3] == spread([each["pairs"] for each in alike], "{:,}".format)
            assert row[4] == spread([each["density"] for each in alike], percent)
            assert row[6] == spread([each["tiles"]["computed_over_useful"] for each in alike], "{:,.2f}".format)
    formulas = set(page.eval_on_selector_all("#cost .forms .formula", "all => all.map(each => each.dataset.formula)"))
    tiles = [each["tiles"] for each in heads]
    assert formulas == {each["formula"] for each in [*heads, *tiles, report["pairs"]] if each["formula"]}

    growth = report["connectivity"]["growth"]
    rows = [row for row in cells(page, "connectivity") if len(row) == 7]
    expected = []
    for each in growth:
        sizes = [f"{each[key]:,}" for key in ("min", "p10", "p50", "p90", "max")] + [f"{each['mean']:,.1f}"]
        if not expected or expected[-1] != sizes:
            expected.append(sizes)
    assert [row[1:] for row in rows] == expected

    connectivity = page.inner_text("#connectivity")
    if report["connectivity"]["depth"] is not None:
        assert f"after {report['connectivity']['depth']} layer" in connectivity
    else:
        missing = report["connectivity"]["missing"]
        assert f"query {missing['query']:,} does not see key {missing['key']:,}" in connectivity
    for hop in (report["connectivity"]["witness"] or {}).get("hops") or []:
        assert f"{hop['query']:,} attends {hop['key']:,}" in connectivity

    decode = report["decode"]
    if decode["cache_keys"] is not None:
        assert f"keeps at most {decode['cache_keys']:,} keys" in page.inner_text("#decoding")
    measures = dict(cells(page, "decoding"))
    assert measures["hubs: pairs"] == f"{report['measures']['hubs']['pairs']:,}"
    assert float(measures["average depth"].replace(",", "")) == pytest.approx(
        report["measures"]["average_depth"], rel=1e-3
    )
    for verdict, row in zip(report["expectations"], cells(page, "expectations"), strict=True):
        assert row == [verdict["text"], "✓" if verdict["holds"] else "✗", verdict["detail"]]


def test_every_measure_has_a_line(open_page, reported):
    html, report, _ = reported("sparse_transformer")

    def leaves(values, within=""):
        for key, value in values.items():
            name = within + key.replace("_", " ")
            yield from leaves(value, f"{name}: ") if isinstance(value, dict) else [name]

    page = open_page(html)
    drawn = {"graph: alike", "graph: follows", "graph: repeats"}
    assert {row[0] for row in cells(page, "decoding")} == set(leaves(report["measures"])) - drawn


def test_every_distinct_mask_and_both_figures_are_drawn_without_javascript(open_page, reported):
    html, _, program = reported("bigbird")
    page = open_page(html, java_script_enabled=False)
    assert page.locator("#masks .gallery svg.mask").count() == len(program.schedule.patterns) == 12
    assert page.locator("#connectivity svg.figure").count() == 2
    for picture in page.locator("#masks .gallery svg.mask, #connectivity svg.figure").all():
        box = picture.bounding_box()
        assert box["width"] > 100
        assert box["height"] > 40
        assert picture.get_attribute("role") == "img"
        assert len(picture.get_attribute("aria-label")) > 10
