"""Programs, reports and the cell magic in a real IPython shell: what is shown, what is assigned, and no traceback."""

import re
from xml.etree import ElementTree

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import patternc
from patternc.program import Program

GOOD = "model m {\n causal\n tokens 64\n layers 2 { all: local(8) | stride(8) }\n}\n"


@pytest.fixture
def shell():
    found = InteractiveShell.instance()
    found.run_line_magic("reload_ext", "patternc")
    found.reset()
    found.history_manager.enabled = False
    yield found
    InteractiveShell.clear_instance()


def run(shell, cell):
    """(result, what was shown, what was said of mistakes); no cell may end in a traceback."""
    with capture_output() as captured:
        done = shell.run_cell(cell)
    assert "Traceback" not in captured.stdout + captured.stderr
    return done, captured


def html_of(shell, value):
    formats, _ = shell.display_formatter.format(value)
    return formats["text/html"], formats["text/plain"]


def test_a_cell_is_compiled_shown_and_assigned(shell):
    done, captured = run(shell, f"%%attn strided --tokens 128\n{GOOD}")
    assert done.success
    assert "error" not in captured.stderr
    assert "warning[PA906]" in captured.stderr
    program = shell.user_ns["strided"]
    assert isinstance(program, Program)
    assert program.schedule.tokens == 128
    html, text = html_of(shell, done.result)
    assert f"<strong>{program.report().pairs:,}</strong>" in html
    assert "Every query sees every earlier token and itself after 2 layers of 2." in html
    assert html.count('<svg class="mask"') == 1
    assert text.startswith("m   128 tokens   causal   2 layers of 1 head")


def test_parameters_are_given_as_on_the_command_line(shell):
    cell = "param w = 4\nmodel m { causal tokens 64 layers 1 { all: local(w) } }"
    done, _ = run(shell, f"%%attn --params w=16 --tokens 100 p\n{cell}")
    assert done.success
    assert shell.user_ns["p"].schedule.params == (("w", 16),)
    done, captured = run(shell, f"%%attn q --param w\n{cell}")
    assert done.result is None
    assert "--param takes NAME=VALUE" in captured.stderr
    assert "q" not in shell.user_ns
    _, captured = run(shell, f"%%attn q --param v=3\n{cell}")
    assert "error[PA" in captured.stderr
    _, captured = run(shell, f"%%attn 1x\n{cell}")
    assert "`1x` is no name of a variable" in captured.stderr


def test_mistakes_are_shown_as_they_are(shell):
    done, captured = run(shell, "%%attn wrong\nmodel m { causal tokens 64 layers 1 { all: lokal(8) } }")
    assert done.result is None
    assert "wrong" not in shell.user_ns
    assert re.search(r"error\[PA\d+\]", captured.stderr)
    assert "cell:1:" in captured.stderr
    assert "^^^^^" in captured.stderr
    assert "1 error" in captured.stderr


def test_a_failed_expectation_is_looked_at_but_not_assigned(shell):
    done, captured = run(shell, f"%%attn late\n{GOOD}expect connected within 1 layers\n")
    assert "error[PA601]" in captured.stderr
    assert "late" not in shell.user_ns
    assert "after 2 layers" in html_of(shell, done.result)[0]


def test_programs_show_their_masks_and_pairs(shell):
    program = patternc.compile(GOOD)
    html, text = html_of(shell, program)
    assert f"{program.report().pairs:,}" in html
    assert html.count('<svg class="mask"') == 1
    assert text.startswith("<patternc.Program m: 64 tokens")


def test_the_fragment_is_well_formed_styles_only_itself_and_escapes(tmp_path):
    import numpy as np

    np.save(tmp_path / "<img src=x onerror=alert(1)>.npy", np.tri(16, dtype=bool))
    path = tmp_path / "m.attn"
    path.write_text(
        'model m { causal tokens 16 layers 1 { all: layout("<img src=x onerror=alert(1)>.npy") | local(4) } }'
    )
    program = patternc.compile(path)
    for html in (program._repr_html_(), program.report()._repr_html_()):
        root = ElementTree.fromstring(html.replace("<br>", "<br/>"))
        assert not list(root.iter("img"))
        assert "&lt;img src=x" in html
        (style,) = root.iter("style")
        selectors = [each.strip() for each in re.findall(r"([^{}]+)\{[^{}]*\}", style.text)]
        assert all(each.startswith(".patternc") for each in selectors), selectors


def test_importing_patternc_imports_no_ipython():
    import subprocess
    import sys

    code = "import sys, patternc; patternc.compile('model m { causal tokens 8 layers 1 { all: self } }').report()"
    done = subprocess.run([sys.executable, "-c", f"{code}; sys.exit('IPython' in sys.modules)"], check=False)
    assert done.returncode == 0
