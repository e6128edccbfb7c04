# `make demo` and `make test` do everything on a fresh Debian or Ubuntu machine, as root.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SYSTEM_PACKAGES := runc:runc nft:nftables ip:iproute2 unshare:util-linux slirp4netns:slirp4netns \
	buildah:buildah mmdebstrap:mmdebstrap mvn:maven busybox:busybox-static
# What the tests need besides: a browser for web pages, Node.js for an agent's client.
TEST_PACKAGES := chromium:chromium node:nodejs npm:npm
.DEFAULT_GOAL := help
.PHONY: help venv system test-system demo demo-down test test-fast test-vm check bench docs record-histories

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(BIN)/skill: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

venv: $(BIN)/skill ## a virtual environment with everything that the checks need

system: ## the system packages that the embedded cluster and image recipes need (apt, as root)
	@./scripts/install-system-packages $(SYSTEM_PACKAGES)

test-system: system
	@./scripts/install-system-packages $(TEST_PACKAGES)

demo: system venv ## a real Kubernetes, Kafka on it, messages through it
	$(BIN)/skill cluster up
	$(BIN)/skill run kafka-k8s-setup --cluster embedded
	@echo
	@echo "Go on with:"
	@echo "  $(BIN)/skill status --cluster embedded"
	@echo "  $(BIN)/skill verify kafka-k8s-setup --cluster embedded"
	@echo "  $(BIN)/skill run kafka-k8s-setup --cluster embedded --set 'topics=[orders]'"
	@echo "  make demo-down"

demo-down: venv ## remove what `make demo` made
	$(BIN)/skill cluster down

check: venv ## ruff, mypy (strict), import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# One process more than there are processors: those of the browser wait for it half of their time.
test-fast: venv ## the tests that need no cluster, no root and no network, in seconds
	$(BIN)/python -m pytest -m "not cluster and not root and not heavy" -n $$(($$(nproc) + 1))

test: test-system check ## everything, on a real cluster
	$(BIN)/skill cluster prefetch
	$(BIN)/python -m pytest -n 3 --durations=20

test-vm: venv ## one cluster's life on a fresh virtual machine: cgroup v2, systemd; see scripts/test-vm
	$(BIN)/skill cluster prefetch
	PYTHON=$(BIN)/python scripts/test-vm

record-histories: venv ## record the fault histories again, on a real cluster
	SKILL_RECORD_HISTORIES=1 $(BIN)/python -m pytest tests/integration/faults tests/skills/dapr/test_run.py

bench: venv ## timings, side by side, as ratios
	$(BIN)/python bench/help.py
	$(BIN)/python bench/agents.py
	$(BIN)/python bench/cluster.py
	$(BIN)/python bench/scale.py
	$(BIN)/python bench/diagnosis.py

docs: venv ## write the generated references again
	$(BIN)/python docs/generate.py
