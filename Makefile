# Everything runs from a clean clone on a machine with Python 3.11 or later, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The registry of the machine's own pip and uv settings is used; the trust store is the machine's too.
UV := UV_SYSTEM_CERTS=true $(BIN)/uv --quiet
COMPILE := $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --no-header
WORKERS ?= auto
SLOW := tests/faults tests/acceptance/test_demo.py
DOCS := tests/docs
WIDE := tests/integration/test_http_schemathesis.py tests/integration/test_http_crowds.py \
	tests/integration/test_role_attacks.py tests/acceptance/test_parts.py tests/integration/test_executions_days.py \
	tests/unit/test_orders_books.py tests/integration/test_pnl_books.py tests/acceptance/test_executions_recorded.py \
	tests/unit/test_flex_books.py tests/integration/test_statements_verb.py \
	tests/integration/test_bench.py::test_the_benchmarks_of_a_long_history_yield_their_figures \
	tests/integration/test_http_injection.py tests/acceptance/test_command_line.py \
	tests/integration/test_witness.py::test_all_that_is_shown_is_what_the_events_say \
	tests/integration/test_bench.py::test_a_benchmark_of_whole_services_yields_its_figures
CONTAINERS := tests/containers

.PHONY: help setup page demo test test-again test-slow test-slow-again test-docs test-docs-again test-wide test-wide-again test-alone test-alone-again test-containers test-containers-again test-long soak lint format docs bench faults audit lock upgrade wheel clean

help:
	@echo "make setup      virtual environment in $(VENV), locked dependencies, the page, the command $(BIN)/ibconnect"
	@echo "make demo       record and serve a simulated advisor's accounts, with the two years before; Ctrl-C stops it"
	@echo "make test       all tests but the slow ones, the page in a browser too: a quarter of an hour and more on two cores"
	@echo "make test-again those that failed in the last run, one at a time (test-slow-again: of the slow ones)"
	@echo "make test-slow  hundreds of kills, cuts and outages, and the demo: 25 minutes on two cores"
	@echo "make test-docs  every command of the docs, as a reader would paste it: three minutes"
	@echo "make test-wide  20,000 requests from the API's description, a thousand days of trading, whole worlds of statements, each parameter attacked: twelve minutes"
	@echo "make test-alone those of the slow ones that compare times, one at a time: five minutes"
	@echo "make test-containers builds and runs the image and compose.yaml by podman, as root: three to six minutes"
	@echo "make faults     only the former, with SEED=… (whole number) and ROUNDS=… (of each fault) of your own"
	@echo "make soak       ten minutes at 2,000 messages a second with random faults"
	@echo "make test-long  the other slow tests: load, large histories, half an hour (or LONG_SECONDS) of a hostile gateway"
	@echo "make lint       format, lint, types, import rules, of the page too"
	@echo "make format     format and repair what can be repaired"
	@echo "make docs       bring the generated parts of the documentation up to date"
	@echo "make bench      the benchmarks"
	@echo "make audit      known vulnerabilities of the locked packages, asked of PyPI; by hand before a release"
	@echo "make lock       bring the lock files up to date with pyproject.toml (make upgrade: newest versions)"
	@echo "make wheel      build the wheel into dist/"

setup: $(STAMP) page

$(BIN)/uv:
	$(PYTHON) tools/bootstrap.py $(VENV)

$(STAMP): $(BIN)/uv pyproject.toml requirements-dev.lock
	$(UV) pip sync --python $(BIN)/python --require-hashes requirements-dev.lock
	$(UV) pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $(STAMP)

# Node is in the environment; what the page is made of comes from npm's registry. WITHOUT_PAGE=1 leaves it out.
page: $(STAMP)
	@$(BIN)/python tools/page.py

demo: setup
	$(BIN)/ibconnect demo

test: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow"

test-again: setup
	$(BIN)/python -m pytest -m "not slow" --last-failed --last-failed-no-failures none

test-slow: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(SLOW) -m "slow and not alone"

test-slow-again: setup
	$(BIN)/python -m pytest $(SLOW) -m "slow and not alone" --last-failed --last-failed-no-failures none

test-docs: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(DOCS) -m slow

test-docs-again: setup
	$(BIN)/python -m pytest $(DOCS) -m slow --last-failed --last-failed-no-failures none

test-wide: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(WIDE) -m slow

test-wide-again: setup
	$(BIN)/python -m pytest $(WIDE) -m slow --last-failed --last-failed-no-failures none

# They compare times: nothing else may run beside them.
test-alone: setup
	$(BIN)/python -m pytest $(SLOW) -m "slow and alone"

test-alone-again: setup
	$(BIN)/python -m pytest $(SLOW) -m "slow and alone" --last-failed --last-failed-no-failures none

test-containers: setup
	$(BIN)/python -m pytest $(CONTAINERS) -m slow

test-containers-again: setup
	$(BIN)/python -m pytest $(CONTAINERS) -m slow --last-failed --last-failed-no-failures none

# SEED and ROUNDS reach the tests as environment variables.
faults: setup
	$(BIN)/python -m pytest tests/faults -m slow

soak: setup
	SOAK=600 $(BIN)/python -m pytest tests/faults/test_soak.py -m slow -s

test-long: setup
	$(BIN)/python -m pytest -m slow $(patsubst %,--ignore %,$(SLOW) $(DOCS) $(WIDE) $(CONTAINERS))

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/page.py run tsc --noEmit
	$(BIN)/python tools/page.py run biome ci --colors=off

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python tools/page.py run biome check --colors=off --write

docs: setup
	$(BIN)/python tools/readme.py
	$(BIN)/python tools/simulator.py
	$(BIN)/python tools/schema.py

bench: setup
	$(BIN)/python -m bench

# Strict: a package about which nothing can be learnt fails it too.
audit: setup
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements-dev.lock

lock: $(BIN)/uv
	$(COMPILE) $(UPGRADE) --output-file requirements.lock pyproject.toml
	$(COMPILE) $(UPGRADE) --output-file requirements-build.lock --group build
	$(COMPILE) $(UPGRADE) --output-file requirements-dev.lock pyproject.toml --group dev \
		--constraint requirements.lock --constraint requirements-build.lock

upgrade:
	$(MAKE) lock UPGRADE=--upgrade

wheel: setup
	$(BIN)/python -m hatchling build --target wheel --directory dist

clean:
	rm -rf $(VENV) dist ibconnect/http/web web/node_modules
