# `make run` and `make test` set up everything they need; `make help` lists every habit.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
TORCH := $(VENV)/.torch
RUNNABLE := $(VENV)/.runnable
READY := $(VENV)/.ready
# What checks and formats the JavaScript of the pages; nothing of it is served.
NODE_TOOLS := webui/node_modules/.package-lock.json
NPM := npm --prefix webui --silent run
# PyPI's torch for Linux brings CUDA along. Where there is no NVIDIA GPU, the index PyTorch documents for processors is
# asked too, and its build comes first; where that index cannot be reached, pip goes on with the others.
TORCH_INDEX ?= $(shell [ "$$(uname -s)" != Linux ] || command -v nvidia-smi >/dev/null || echo https://download.pytorch.org/whl/cpu)
SECONDS ?= 60
# Tests run in so many processes; each has servers and a browser of its own. Long files begin first (tests/conftest.py).
WORKERS ?= 4
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder
MESSAGES := webui/mindreader_webui/locale/messages.pot
# Where sentences that pages show are written; a test goes by the same list.
WITH_SENTENCES := accounts embedding folders imaging inference learning library model_versions operations public_links search messages.py originals.py text.py
# What holds a sentence in Python: `Sentence` itself, the errors of mindreader/errors.py, and the titles of their kinds.
SENTENCES := Sentence ErrorKind:3 InvalidInputError PhotoRejectedError SketchRejectedError NotFoundError ForbiddenError \
	NotSignedInError ConflictError NotReadyError
# What runs where people are, and is looked through by bandit most strictly.
SERVED := platform workers webui/mindreader_webui migrations
DATA ?= $(or $(MINDREADER_DATA),../shared/data)

.DEFAULT_GOAL := help
.PHONY: help setup develop run test test-all node-tools lint lint-javascript format format-javascript bench chaos test-services screens \
	secrets messages lock system-packages train-default clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup: $(RUNNABLE) ## make .venv with what `make run` needs; TORCH_INDEX= for PyPI's torch on a machine without an NVIDIA GPU

$(BIN)/python:
	@echo "Set-up 1 of 3: the virtual environment $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(TORCH): constraints.txt | $(BIN)/python
	@echo "Set-up 2 of 3: torch, $(if $(TORCH_INDEX),for processors (about 0.2 GB to download),with CUDA as PyPI has it (several GB to download))"
	@$(PIP) --no-deps --constraint constraints.txt $(if $(TORCH_INDEX),--retries 0 --timeout 15 --extra-index-url $(TORCH_INDEX)) torch torchvision
	@touch $@

$(RUNNABLE): pyproject.toml constraints.txt $(TORCH)
	@echo "Set-up 3 of 3: MindReader and the libraries it stands on"
	@$(PIP) --constraint constraints.txt --editable .
	@touch $@

$(READY): $(RUNNABLE)
	@echo "Set-up for developers: test tools, training, servers of the tests"
	@$(PIP) --constraint constraints.txt --editable '.[dev]'
	@touch $@

develop: $(READY) ## make .venv with everything that tests, lint and training need

run: setup ## start MindReader and print its address
	$(BIN)/mindreader serve

test: develop system-packages node-tools ## run the tests, without those marked slow: WORKERS=1, ARGS=--durations=20
	$(PYTEST) -m "not slow" $(ARGS)

test-all: develop system-packages node-tools ## run the tests marked slow; what `make test` ran is not run again
	$(PYTEST) -m slow $(ARGS)

node-tools: ## install what the tests run under node: an OpenID Connect provider
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(NODE_TOOLS); \
	else echo "npm is missing: signing in at a provider is not tested"; fi

system-packages: ## install the servers and the browser the tests start (Debian), or say what is missing
	sh tests/support/system_packages.sh

lint: develop ## check style, types, the arrows between the packages, and what attackers look for
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive $(SERVED)
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive training --skip B311  # random draws are its trade
	@$(BIN)/python tests/support/audit_packages.py
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory lint-javascript; \
	else echo "npm is missing: the JavaScript was not checked"; fi

lint-javascript: develop $(NODE_TOOLS)
	$(BIN)/python webui/typings/print_openapi.py > webui/typings/openapi.json
	$(NPM) types >/dev/null
	$(NPM) check
	$(NPM) prettier -- --check

$(NODE_TOOLS): webui/package-lock.json
	npm ci --prefix webui --no-audit --no-fund --silent
	touch $@

format: develop ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory format-javascript; \
	else echo "npm is missing: the JavaScript was not formatted"; fi

format-javascript: $(NODE_TOOLS)
	$(NPM) prettier -- --write

bench: develop system-packages ## measure embedding, search and what a person waits against their floors, and a search during a re-embedding
	$(BIN)/python bench/embedding.py
	$(BIN)/python bench/search.py
	$(BIN)/python bench/reembedding.py --data $(DATA)
	$(BIN)/python bench/first_result.py --data $(DATA)

chaos: develop system-packages ## break things at random: SECONDS=60 SEED=number STORES=embedded|services
	$(BIN)/python tests/faults/chaos.py --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(if $(STORES),--stores $(STORES))

test-services: develop system-packages ## 8 clients, 3 embed workers, kills: PHOTOS=5000
	PHOTOS=$(or $(PHOTOS),5000) $(BIN)/python -m pytest -s tests/faults/test_cluster.py

screens: develop system-packages ## take the pictures of docs/screens.md again: PHOTOS=folder for your own
	$(BIN)/python docs/screens/make.py $(if $(PHOTOS),--photos $(PHOTOS))

secrets: ## make passwords and keys for docker-compose.yml, once
	sh deploy/make_secrets.sh

messages: develop ## list all English sentences of the pages again, and in each translation those that came to it
	mkdir -p $(dir $(MESSAGES))
	$(BIN)/pybabel --quiet extract --mapping-file pyproject.toml $(addprefix --keyword=,$(SENTENCES)) --no-wrap \
		--sort-by-file --add-location=file --project MindReader --output-file $(MESSAGES) \
		platform/mindreader/errors.py $(addprefix platform/mindreader/,$(WITH_SENTENCES)) workers webui
	@for file in $(wildcard $(dir $(MESSAGES))*.po); do \
		$(BIN)/pybabel --quiet update --input-file $(MESSAGES) --output-file $$file --no-wrap --no-fuzzy-matching \
			--ignore-obsolete --locale $$(basename $$file .po | tr - _) || exit 1; done

lock: develop ## write constraints.txt from what is installed now
	@echo '# Every package at the version the tests ran with. `make lock` writes this file again.' > constraints.txt
	@$(BIN)/pip freeze --exclude-editable --exclude mindreader | sed 's/+cpu//' >> constraints.txt

train-default: develop ## train a bundle as the one that ships (DATA=folder with meta.csv, ICONS=npm's @iconify/json, unpacked); days without a GPU
	test -d runs/icons || $(BIN)/mindreader icon-sketches $(ICONS) runs/icons --data $(DATA)
	$(BIN)/mindreader train --preset long --space default --data $(DATA) --sketches runs/icons --out runs/long --resume
	$(BIN)/mindreader train --preset small --space default --data $(DATA) --out runs/small --resume
	$(BIN)/mindreader bundle average runs/long/bundle runs/small/bundle --share 0.5 --out runs/default

clean: ## remove the virtual environment and everything made by tests
	rm -rf $(VENV) artefacts .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
