# aris_pipeline: `make demo` shows the whole chain, `make test` checks it, `make dev` opens the UI.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= data
PORT ?= 3000
SAMPLE := data/sample/candidates-40.json
QUIETLY := $(PYTHON) .ci/quietly.py $(VENV)/setup.log
TORCH_INDEX := https://download.pytorch.org/whl/cpu

# Set-up compiles nothing: bytecode is written at the first import, also where the machine says not to.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo dev check test soak bench benchmarks lint docs site lock clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/installed ## build .venv from the pinned lock (once)

$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: Python 3.11 or newer is needed; choose one with make PYTHON=..."; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@# The pip that comes with Python may be years old, and takes three times as long.
	@$(BIN)/pip install --quiet --upgrade pip > $(VENV)/setup.log 2>&1 || true
	@# Bytecode of all 30,000 files is two fifths of the time; the few that are imported make their own.
	@# The CPU build of torch stands on the configured index, or else on PyTorch's own.
	@torch=$$(grep '^torch==' requirements.lock); extra=; \
	$(BIN)/pip install --quiet --dry-run --no-deps "$$torch" >/dev/null 2>&1 \
		|| extra="--extra-index-url $(TORCH_INDEX)"; \
	$(QUIETLY) "installing $$(grep -c == requirements.lock) packages (4 GB)" \
		$(BIN)/pip install --no-compile --progress-bar off --no-deps $$extra -r requirements.lock
	@$(QUIETLY) "installing aris_pipeline" $(BIN)/pip install --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## judge the bundled sample with real vLLM on the CPU, then open the UI in a terminal
	$(BIN)/aris run $(SAMPLE) --data-dir $(DATA)
	@echo
	@if [ -t 1 ]; then exec $(BIN)/aris dev --automation --data-dir $(DATA) --port $(PORT); \
	else echo "Open the Dagster UI on this run:  make dev    then http://127.0.0.1:$(PORT)"; fi

dev: setup ## open the Dagster UI with its daemon on loopback
	$(BIN)/aris dev --data-dir $(DATA) --port $(PORT)

# Dagster's SQLite waits for the disk at each of its events: where there is room in memory, they go there.
SCRATCH := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4e6 {print "TMPDIR=/dev/shm"}')

check: setup ## before each commit, in minutes: linters, types and the tests that are quick
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@# Whatever takes over two seconds here should be marked as slow.
	$(SCRATCH) $(BIN)/pytest -n 2 --dist loadgroup -rs --durations=5 --durations-min=2 \
		-m "not slow and not system and not engine"

test: setup ## run all tests, those on the real engine too
	$(SCRATCH) $(BIN)/pytest -n 3 --dist loadgroup -rs -m "not engine"
	@# A core for each of two engines: bound to the same cores, they would be many times slower.
	OMP_NUM_THREADS=1 VLLM_CPU_OMP_THREADS_BIND=nobind VLLM_CPU_KVCACHE_SPACE=1 $(SCRATCH) \
		$(BIN)/pytest -n 2 --dist loadgroup --no-loadscope-reorder -rs -m engine

soak: setup ## kills, dying engines and failing disks in great number; a few hours, to .soak/
	$(BIN)/python -m aris_pipeline_tests.soak

bench: setup ## our completions stage beside LLM.generate and vllm run-batch, on this machine
	$(BIN)/aris benchmark compare $(SAMPLE) --rows 40 --data-dir $(DATA)

benchmarks: setup ## write BENCHMARKS.md anew from the committed history
	$(BIN)/aris benchmark report

lint: setup ## linters, spelling, types and Dagster's validators
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/typos
	$(BIN)/mypy
	$(BIN)/dagster definitions validate
	$(BIN)/dg check yaml
	$(BIN)/dg check defs

docs: setup ## write the pages anew that are made from the code
	$(BIN)/python -m aris_pipeline.ledger.data_dictionary > docs/data-dictionary.md
	$(BIN)/python -m aris_pipeline_tests.pages

site: setup ## build the documentation into site/, and fail at a broken link
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

lock: ## resolve requirements.lock anew; pins stay where they may (installs uv into .venv)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra cpu --extra ollama --extra ray --extra s3 --extra postgres --extra labels --extra docs \
		--group dev --group demo-model \
		--override requirements-overrides.txt \
		--python-version 3.11 --extra-index-url $(TORCH_INDEX) --index-strategy unsafe-best-match \
		--no-annotate --no-header --output-file requirements.lock

clean: ## remove .venv and all outputs but the sample
	rm -rf $(VENV) .soak site
	find $(DATA) -mindepth 1 -maxdepth 1 ! -name sample ! -name README.md -exec rm -rf {} +
