# Everything runs in .venv, made from requirements.lock the first time it is needed.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] < (3,14))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: sweep test test-slow check ui dashboard lock clean

sweep: $(READY)            ## compare every algorithm over every feature set
	$(BIN)/python train.py -m $(ARGS)

test: $(READY)             ## the default test suite; `make test-slow` for the rest
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile $(ARGS)

check: $(READY)            ## ruff and mypy
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

ui: $(READY)               ## the MLflow UI on this project's store
	$(BIN)/python ui.py $(ARGS)

dashboard: $(READY)        ## what the champion says, for those who act on it
	$(BIN)/python dashboard.py $(ARGS)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed and none was found; install one or run make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else "Python 3.11, 3.12 or 3.13 is needed, got %d.%d; run make PYTHON=/path/to/python" % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

lock:                      ## pin every dependency anew, for all supported Pythons
	$(BIN)/uv pip compile --universal --python-version 3.11 --group dev pyproject.toml --generate-hashes \
		--no-emit-index-url --no-header --no-annotate --quiet -o requirements.lock

clean:
	rm -rf $(VENV) outputs
