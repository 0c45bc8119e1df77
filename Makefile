# install · run · test · check · clients · bench · hardening · kill · fuzz · screenshots · lock. Each makes .venv first where it is missing.

SHELL := /bin/bash
VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip install --quiet --disable-pip-version-check
# More arguments for the command of a target: make test ARGS="-k pop3", make run ARGS="--smtp-port 2525".
ARGS :=

.PHONY: install run test check clients bench hardening kill fuzz screenshots lock clean

install: $(VENV)/.installed

run: install
	@exec $(VENV)/bin/mailsac serve $(ARGS)

# Two tests at once. One at a time, as a debugger wants it: make test ARGS="-n 0 --pdb".
test: $(VENV)/.installed-dev
	$(PYTHON) -m pytest -n 2 --dist worksteal -m "not hardening" $(ARGS)

check: $(VENV)/.installed-dev
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy

# The npm packages of tests/clients, where there is npm: without them those tests are skipped, and named at the end.
clients: tests/clients/node_modules/.package-lock.json

tests/clients/node_modules/.package-lock.json: tests/clients/package-lock.json
	cd tests/clients && npm ci

# Mail per second beside stock aiosmtpd in the same run; memory, and the time to ready; the store as it grows; how many
# codes and links are right; mail per second that is sent, beside aiosmtplib.
bench: $(VENV)/.installed-dev
	$(PYTHON) -m bench.smtp $(ARGS)
	$(PYTHON) -m bench.memory
	$(PYTHON) -m bench.store
	$(PYTHON) -m bench.codes
	$(PYTHON) -m bench.outbound

# The score of the hardening checks: their tests in the long form, then their figures of time and memory.
hardening: $(VENV)/.installed-dev
	$(PYTHON) -m bench.score $(ARGS)

# kill -9 under load: of the server 200 times on each store, 50 while it sends; of the database 50 times.
kill: $(VENV)/.installed-dev
	MAILSAC_TEST_KILLS=200 $(PYTHON) -m pytest tests/live/test_kill.py tests/live/test_webhooks.py tests/live/test_outgoing_kill.py --timeout 3600 -s $(ARGS)

# The adversary of the tests, for longer than they have: make fuzz ARGS="--target links --inputs 1000000 --seed 7".
fuzz: $(VENV)/.installed-dev
	$(PYTHON) -m tests.adversary $(ARGS)

# Every page, wide and narrow, light and dark, as pictures to look at; that of the README again, where it should change.
screenshots: $(VENV)/.installed-dev
	$(PYTHON) -m tests.browser.screenshots bench/results/screenshots $(ARGS)

# Both lock files again, from pyproject.toml. Needs uv; `make lock ARGS=--upgrade` takes newer versions.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock:
	$(LOCK) $(ARGS) --extra build pyproject.toml --output-file requirements.lock
	$(LOCK) $(ARGS) --extra build --extra dev --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock

clean:
	rm -rf $(VENV) tests/clients/node_modules build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The stamps make the second run quick, and offline: pip asks the network for nothing that is already there.
$(VENV)/.installed: requirements.lock pyproject.toml | $(PYTHON)
	@echo "installing what requirements.lock lists" >&2
	@$(PIP) --require-hashes --requirement requirements.lock
	@$(PIP) --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "installing what requirements-dev.lock lists" >&2
	@$(PIP) --require-hashes --requirement requirements-dev.lock
	@touch $@

$(PYTHON):
	@for python in python3.13 python3.12 python3.11 python3; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "making $(VENV) with $$($$python --version)" >&2; \
	    "$$python" -m venv $(VENV) && exit 0; \
	    rm -rf $(VENV); echo "$$python cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; \
	  fi; \
	done; echo "mailsac needs Python 3.11 or newer, and found none" >&2; exit 1
