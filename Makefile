# `make demo` shows the whole way, `make test` checks everything; the others are parts of that, or hurt and measure the
# running service. All but `make clean` build .venv where it is missing.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(if $(shell command -v $(name)),$(name))))
BIN := .venv/bin
SOURCES := client bot adapters tests examples docs bench
# The tests start the command some hundred times, and reading it compiled takes two thirds of the time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: integrations teams-e2e fuzz bench-peers faults demo test format lint types imports unit coverage schemas pictures audit clean bench

demo: .venv/built
	@$(BIN)/sayso demo -- $(BIN)/python examples/agent.py

# The tests wait for processes more than they compute, so what reads the code runs beside them.
test: .venv/built
	@$(MAKE) --no-print-directory --jobs 2 unit lint types imports
	@echo "All checks passed."

lint: .venv/built
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)

types: .venv/built
	$(BIN)/mypy client bot adapters tests examples bench

imports: .venv/built
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry .

# Most tests wait for processes more than they compute, so three run at a time. What measures time or
# memory, or hurts a whole machine's worth of processes, runs alone after them.
unit: .venv/built
	@.ci/chromium
	$(BIN)/python -m pytest -m "not alone" --numprocesses 3 --dist loadfile --no-loadscope-reorder
	$(BIN)/python -m pytest -m alone

# The same tests with branch coverage; a third slower.
coverage: .venv/built
	@.ci/chromium
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

format: .venv/built
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

# Hurts the running service while agents and people use it, and holds it to what it told them (docs/faults.md).
REQUESTS ?= 10000
faults: .venv/built
	@.ci/faketime
	@PYTHONPATH=tests $(BIN)/python -m faults.campaign --requests $(REQUESTS) $(if $(SEED),--seed $(SEED)) $(if $(RATE),--rate $(RATE))

# Manifests and cards against the platforms' own schemas, where a folder with them lies beside the project.
schemas: .venv/built
	$(BIN)/python tests/schemas/check.py

# The pictures of the README, made from the running service.
pictures: .venv/built
	@.ci/chromium
	$(BIN)/python docs/pictures/make.py

# What Sayso must reach, measured on the running service. `make bench ROWS=intake` measures one part.
bench: .venv/built
	@PYTHONPATH=tests $(BIN)/python -m bench $(ROWS)

# Two other gates from PyPI beside Sayso, in one run (bench/peers/README.md); the first time needs the network.
bench-peers: .venv/built
	@PYTHONPATH=tests $(BIN)/python -m bench.peers

# Other people's clients, unmodified and each in an environment of its own, against the running service
# (docs/handover.md); the first time needs the network.
integrations: .venv/built
	@PYTHONPATH=tests $(BIN)/python -m integrations

# Microsoft's own emulator of Teams, and its renderer of cards, against the running service (docs/teams.md); needs
# Node.js, and the first time the network.
teams-e2e: .venv/built
	@PYTHONPATH=tests $(BIN)/python -m teams_e2e

# Sends every parser that meets the network what nobody would send (docs/fuzzing.md). SEED=… repeats a run.
SECONDS ?= 60
fuzz: .venv/built
	@PYTHONPATH=tests $(BIN)/python -m fuzz $(if $(REPLAY),--replay $(REPLAY),--seconds $(SECONDS) $(if $(SEED),--seed $(SEED)))

# Known vulnerabilities of what is installed; needs the network.
audit: .venv/built
	$(BIN)/pip-audit --skip-editable

.venv/built: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Sayso needs Python 3.11 or later on the PATH."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Sayso needs Python 3.11 or later; $(PYTHON) is older. Name another: make PYTHON=python3.12"; exit 1; }
	@echo "Building .venv (once, about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[all,dev]'
	@touch $@

clean:
	rm -rf .venv .venv-integrations .venv-peers .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache \
		.import_linter_cache .hypothesis .schemathesis .fuzz
