# Two commands: `make demo` shows the whole way, `make test` checks everything. Both build .venv where it is missing.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(if $(shell command -v $(name)),$(name))))
BIN := .venv/bin
SOURCES := client bot adapters tests examples docs
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: demo test format lint types imports unit coverage schemas pictures audit clean

demo: .venv/built
	@$(BIN)/sayso demo -- $(BIN)/python examples/agent.py

test: .venv/built lint types imports unit
	@echo "All checks passed."

lint: .venv/built
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)

types: .venv/built
	$(BIN)/mypy client bot adapters tests examples

imports: .venv/built
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry .

unit: .venv/built
	@.ci/chromium
	$(BIN)/python -m pytest

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

# Manifests and cards against the platforms' own schemas, where a folder with them lies beside the project.
schemas: .venv/built
	$(BIN)/python tests/schemas/check.py

# The pictures of the README, made from the running service.
pictures: .venv/built
	@.ci/chromium
	$(BIN)/python docs/pictures/make.py

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
	rm -rf .venv .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
