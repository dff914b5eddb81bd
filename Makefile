# make demo   installs what the program needs, does the main job on real photographs and a real video file
# make test   installs what the tests need, runs the whole suite with a real Redis and a real PostgreSQL
# make lint   style, types, import rules
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test test-faults lint bench bench-dlib docs format install install-dev clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Rollcall needs Python 3.11 or newer; name one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "No venv module: apt-get install python3-venv"; exit 1; }

$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Rollcall into $(VENV) …"
	@$(PIP) install --constraint constraints.txt --editable .
	@touch $@

# face_recognition is the reference that the parity tests measure against. Its declared dependency `dlib` needs a
# compiler; dlib-bin, installed above, is the same module.
$(VENV)/installed-dev: $(VENV)/installed
	@echo "Installing what the tests need …"
	@$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@$(PIP) install --no-deps face-recognition==1.3.0
	@touch $@

install: $(VENV)/installed
install-dev: $(VENV)/installed-dev

demo: $(VENV)/installed
	@$(BIN)/python -m demo

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest

# make test-faults  nights full of faults: half an hour, Linux, as root; ROUNDS=50 SEED=0, and NIGHT=7 for one night alone
ROUNDS ?= 50
SEED ?= 0
KILLED = --kill-rounds=$(ROUNDS) --kill-seed=$(SEED)
test-faults: $(VENV)/installed-dev
	$(BIN)/python -m pytest --numprocesses=0 $(KILLED) $(if $(NIGHT),--kill-night=$(NIGHT) tests/faults/test_killed.py,tests/faults)

# make bench  measures speed against dlib and face_recognition, side by side; CASE=embedding for one case
bench: $(VENV)/installed-dev
	@$(BIN)/python -m bench $(CASE)

# make bench-dlib  builds dlib from source against OpenBLAS, which `make bench` then measures beside the wheel
# It needs a C++ compiler, cmake and OpenBLAS (Debian: apt-get install g++ cmake libopenblas-dev), and some minutes.
BENCH_CACHE := .cache/bench
DLIB_VERSION := $(shell sed -nE 's/^dlib-bin==([0-9]+\.[0-9]+\.[0-9]+).*/\1/p' constraints.txt)
bench-dlib: $(VENV)/installed-dev
	@rm -rf $(BENCH_CACHE)/wheel $(BENCH_CACHE)/dlib-openblas
	@echo "Building dlib $(DLIB_VERSION) …"
	@$(PIP) wheel --no-deps --no-binary dlib --no-cache-dir --wheel-dir $(BENCH_CACHE)/wheel dlib==$(DLIB_VERSION)
	@$(PIP) install --no-deps --target $(BENCH_CACHE)/dlib-openblas $(BENCH_CACHE)/wheel/dlib-$(DLIB_VERSION)-*.whl
	@BENCH_DLIB=$(BENCH_CACHE)/dlib-openblas $(BIN)/python -m bench.openblas || \
	  { rm -rf $(BENCH_CACHE)/dlib-openblas; exit 1; }

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .cache var

docs: $(VENV)/installed
	$(BIN)/python -m config.settings_page
	$(BIN)/python -m db.states_page
