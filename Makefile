# make app    set everything up and serve the page
# make test   set everything up, check the code and run the fast tests
# make slow   the slow tests too, as CI does

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Two processes, each with whole files of tests, whose costly fixtures are made once.
WORKERS := -n 2 --dist loadfile

.PHONY: app test slow check clean

app: $(VENV)/.app
	$(BIN)/python app.py

test: check
	$(BIN)/python -m pytest $(WORKERS) -m "not slow"

slow: check
	$(BIN)/python -m pytest $(WORKERS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build *.egg-info .gradio .pytest_cache .ruff_cache .mypy_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 10) and \
	    f"fastnst needs Python 3.10 or newer, {sys.executable} is {v.major}.{v.minor}; \
	    set another with: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.app: $(BIN)/python requirements.txt constraints.txt
	$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.app pyproject.toml
	$(INSTALL) -e '.[dev]'
	@touch $@
