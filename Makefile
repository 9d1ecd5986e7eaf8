# `make` or `make help` lists the targets. Each installs what it needs first.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
JARS := .kafka/libs/.complete
PEERS := .venv-peers/.installed
CHECKERS := .venv-checks/.installed
HELM := .venv-checks/bin/helm

# The first of these that is Python 3.11; PYTHON=/path/to/python3.11 overrides.
PYTHON ?= $(shell for python in python3.11 python3 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
		&& echo "$$python" && break; done)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(INSTALLED) ## Make .venv from the lock file, with .venv/bin/monitor

# The lock names every package. Left to look for dependencies, pip takes the newest release of one that
# is wanted with an extra, and then refuses it for want of a hash.
$(LOCKED): requirements-dev.lock
	@if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 is needed and was not found. Install it (Debian 12: apt-get install" \
			"python3.11-venv) or name it: make setup PYTHON=/path/to/python3.11" >&2; exit 1; fi
	@echo "Making $(VENV) with $(PYTHON) and installing the locked packages (a minute or two)"
	@rm -rf $(VENV)
	@"$(PYTHON)" -m venv $(VENV)
	@$(PIP) install --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

$(INSTALLED): $(LOCKED) pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "Ready: $(BIN)/monitor"

.PHONY: demo
demo: setup ## Watch simulated shops, or real events: make demo EVENTS=FILE POLICY=FILE ARGS=...
	@$(BIN)/monitor demo $(if $(EVENTS),--events "$(EVENTS)") $(if $(POLICY),--policy "$(POLICY)") $(ARGS)

.PHONY: demo-stack
demo-stack: setup kafka-jars ## Kafka, two workers, shops, Prometheus, Alertmanager with deploy/'s files: ARGS=--exit
	@tools/need prometheus:prometheus prometheus-alertmanager:prometheus-alertmanager
	@$(BIN)/python -m deploy.demo_stack $(ARGS)

.PHONY: test
test: lint kafka-jars $(CHECKERS) $(HELM) ## Lint, types, imports, then every test, also on a real Kafka: make test ARGS=...
	@tools/need prometheus:prometheus promtool:prometheus prometheus-alertmanager:prometheus-alertmanager
	@$(BIN)/python -m pytest -n 3 --dist loadfile $(ARGS)

.PHONY: test-faults
test-faults: setup kafka-jars ## Kill, halt and cut off workers at full length, ten minutes: make test-faults ARGS="--seed 7"
	@$(BIN)/python -m tests.faults $(ARGS)

.PHONY: lint
lint: setup ## Formatting, lint rules, strict types, import contracts
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

.PHONY: format
format: setup ## Format the code and apply the fixes that are safe
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

.PHONY: bench
bench: setup kafka-jars $(PEERS) ## Run the benchmarks on a real Kafka: make bench QUICK=1 ARGS="live scale"
	@QUICK=$(QUICK) $(BIN)/python -m bench $(ARGS)

# An environment of its own from the lock file that a rule names first: its packages exclude ours.
define LOCKED_VENV
	@rm -rf $(@D)
	@"$(PYTHON)" -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --require-hashes -r $<
	@touch $@
endef

$(PEERS): bench/peers/requirements.lock | setup
	@echo "Making .venv-peers for the programs to compare with (a minute)"
	$(LOCKED_VENV)

$(CHECKERS): deploy/checks/requirements.lock | setup
	@echo "Making .venv-checks for the programs that check deploy/ (half a minute)"
	$(LOCKED_VENV)

$(HELM): deploy/checks/go.mod deploy/checks/go.sum $(CHECKERS)
	@echo "Building helm (three minutes, once on a machine)"
	@cd deploy/checks && PATH="$(CURDIR)/.venv-checks/bin:$$PATH" GOFLAGS= \
		go build -trimpath -o "$(CURDIR)/$@" helm.sh/helm/v3/cmd/helm
	@touch $@

.PHONY: dashboards
dashboards: setup ## Write Grafana's dashboards anew: make dashboards RUNBOOKS=https://your.runbooks
	@$(BIN)/python -m deploy.grafana.source $(RUNBOOKS)

.PHONY: kafka
kafka: setup kafka-jars ## Run one Kafka node on a free port: make kafka ARGS="--background", then ARGS="--stop"
	@$(BIN)/python deploy/kafka/node.py $(ARGS)

.PHONY: kafka-jars
kafka-jars: $(JARS)

$(JARS): deploy/kafka/pom.xml | setup
	@tools/need java:default-jre-headless mvn:maven
	@$(BIN)/python deploy/kafka/node.py --fetch-only

.PHONY: lock
lock: setup ## Renew requirements*.lock from pyproject.toml: make lock ARGS=--upgrade
	@$(BIN)/uv pip compile $(LOCK_OPTIONS) $(ARGS) -o requirements.lock
	@$(BIN)/uv pip compile $(LOCK_OPTIONS) $(ARGS) --extra dev -c requirements.lock -o requirements-dev.lock
	@$(BIN)/uv pip compile $(LOCK_OPTIONS_PEERS) $(ARGS) -o bench/peers/requirements.lock
	@$(BIN)/uv pip compile $(LOCK_OPTIONS_CHECKERS) $(ARGS) -o deploy/checks/requirements.lock
	@if grep -n '://' requirements*.lock bench/peers/requirements.lock deploy/checks/requirements.lock; then echo "A lock file must name no address" >&2; exit 1; fi

# Every platform's hashes, no addresses: any mirror of the package index will do.
LOCK_STYLE := --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header
LOCK_OPTIONS := pyproject.toml $(LOCK_STYLE)
LOCK_OPTIONS_PEERS := bench/peers/requirements.in $(LOCK_STYLE)
LOCK_OPTIONS_CHECKERS := deploy/checks/requirements.in $(LOCK_STYLE)

.PHONY: clean
clean: ## Stop background Kafka nodes; remove .venv, the Kafka jars and all caches
	@if [ -d .kafka/nodes ]; then "$(PYTHON)" deploy/kafka/node.py --stop; fi
	rm -rf $(VENV) .venv-peers .venv-checks .kafka build dist *.egg-info .coverage htmlcov \
		.hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
