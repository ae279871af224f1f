# Each target sets itself up from nothing: a .venv, the tested versions, the run.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: demo test test-all lint wheel-check clean

demo: $(READY) ## tag the sample reports; the table in the terminal, one page a report in out/demo
	$(BIN)/lawgov tag data/samples
	mkdir -p out
	$(BIN)/lawgov tag data/samples --out out/demo --format html --overwrite
	@echo "页面：$(CURDIR)/out/demo/index.html"

test: $(READY) ## the tests that take a few minutes, offline
	$(BIN)/ruff check .
	$(BIN)/pytest -m "not slow"

test-all: $(READY) ## every test
	$(BIN)/ruff check .
	$(BIN)/pytest

wheel-check: $(READY) ## build the wheel, install it elsewhere, tag a report there
	bash tests/wheel_check.sh $(BIN)/python

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test]"
	touch $(READY)

clean:
	rm -rf $(VENV) out dist build
