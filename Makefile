# Needs Python 3.11 or newer (PYTHON=python3.12 names another one) and make. Everything else is put into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONPATH := layers/cdp_core
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test check format campaign bench fill verify lock clean

run: $(VENV)/run.stamp  ## the whole platform on http://127.0.0.1:8787 (PORT=, FLUSH_INTERVAL_SECONDS=)
	@exec $(BIN)/python -m local.run

test: $(VENV)/dev.stamp  ## all tests; ARGS="-k erasure" passes options to pytest
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/dev.stamp  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@for one in functions/*/app.py; do $(BIN)/mypy --allow-untyped-decorators "$$one" || exit 1; done
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp  ## formats the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

SIZES = $(foreach one,schedules deaths plans shuffles fuzz fuzz-api mutant-limit seed,$(if $($(shell echo $(one) | tr a-z- A-Z_)),--$(one) $($(shell echo $(one) | tr a-z- A-Z_))))
campaign: $(VENV)/dev.stamp  ## proves exactness by crashing it everywhere; SCHEDULES=, DEATHS=, PLANS=, SHUFFLES=, FUZZ=, SEED=, WRITE=1
	PYTHONPATH=layers/cdp_core:. $(BIN)/python -m tests.campaign $(SIZES) $(if $(WRITE),--write)

bench: $(VENV)/dev.stamp  ## prints what things cost; WRITE=1 writes docs/performance.md, QUICK=1 only sees that it runs
	@for one in bench/[a-z]*.py; do $(BIN)/python "$$one" || exit 1; done
	@$(BIN)/python -m bench.textbook $(if $(WRITE),--write) $(if $(QUICK),--quick)

verify: API ?= http://127.0.0.1:8787
verify: export KEY ?= local-admin-key
verify:  ## proves an erasure on a running deployment, or fails: ERASURE=<job id>, API=<URL>, KEY=<admin key>
	@printf 'Authorization: Bearer %s' "$$KEY" | curl -fsS -X POST -H @- -d '{}' "$(API)/erasures/$(ERASURE)/verify" | \
	  $(PYTHON) -c 'import json, sys; text = sys.stdin.read(); print(text); sys.exit(not text or not json.loads(text)["verified"])'

PROFILES ?= 100000
fill: $(VENV)/run.stamp  ## sends made-up people to a running platform: PROFILES=100000, PORT=8787, SEED=1
	@PYTHONPATH=. $(BIN)/python -m bench.fill --profiles $(PROFILES) --port $(or $(PORT),8787) --seed $(or $(SEED),1)

lock: $(VENV)/dev.stamp  ## pins all dependencies anew
	PATH="$(BIN):$$PATH" requirements/lock.sh

clean:  ## removes everything made, the local data (.local) included
	rm -rf $(VENV) .build .local .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache tests/sdks/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps are newer than the requirements that they stand for, so an install happens once for each change.
$(VENV)/%.stamp: requirements/%.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --require-hashes -r $<
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("make needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + "; try make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
