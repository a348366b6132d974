# Repères. `make serve` runs the site, `make test` runs every check.

PYTHON ?= python3
JOBS ?= auto
DATA_DIR ?= $(CURDIR)/var
PY := .venv/bin/python
export DATA_DIR

.PHONY: serve dev editor secret test lint audit lock bench bench-search load fuzz fuzz-api screenshots clean

serve: .venv/serve secret  ## set up and run the site as in production
	@$(PY) manage.py prepare
	@$(PY) manage.py serve

dev: .venv/serve  ## the reloading server, with detailed errors
	@DEBUG=true $(PY) manage.py prepare
	@DEBUG=true $(PY) manage.py runserver $${PORT:-8000}

editor: .venv/serve secret  ## create an account for the admin, with its second factor
	@$(PY) manage.py prepare --verbosity 0
	@$(PY) manage.py create_editor

secret: $(DATA_DIR)/secret_key

$(DATA_DIR)/secret_key:
	@mkdir -p $(@D)
	@umask 077; $(PYTHON) -c "import secrets; print(secrets.token_urlsafe(50))" > $@
	@echo "A secret was generated in $@."

test: .venv/test lint  ## lint, checks, then the tests on SQLite and on PostgreSQL
	@$(PY) manage.py translations compile --verbosity 0
	@echo "== Tests on SQLite"
	@$(PY) -m pytest -n $(JOBS) --dist worksteal
	@echo "== Tests on PostgreSQL"
	@$(PY) -m tests.with_postgres $(PY) -m pytest -n $(JOBS) --dist worksteal

# The checks below run on the settings of a production site.
test lint fuzz fuzz-api: export SECRET_KEY = only-for-the-checks-of-make-lint-0123456789-abcdefghijklm
lint: export HTTPS = true
lint: export DATABASE_URL = sqlite://:memory:
lint: .venv/test
	@echo "== Lint and checks"
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/bandit --quiet --configfile pyproject.toml --recursive kb_site articles laws manage.py
	@$(PY) manage.py makemigrations --check --dry-run
	@$(PY) manage.py check --deploy --fail-level WARNING
	@$(PY) manage.py translations check

# --strict, as pip-audit is else content with what it could not ask for.
audit: .venv/test  ## which dependencies have known weaknesses; asks the network
	@errors=$$(mktemp); trap 'rm -f "$$errors"' EXIT; \
	.venv/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off \
	  --timeout 10 --requirement requirements.txt 2>"$$errors"; found=$$?; \
	if grep -qE 'ConnectionError|could not be audited' "$$errors"; then \
	  echo "Nothing was audited: the list of known weaknesses cannot be reached. Try again with a network."; \
	else cat "$$errors"; fi; exit $$found

.venv/bin/pip:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or later is needed.')"
	@echo "Creating .venv"
	@$(PYTHON) -m venv .venv

.venv/serve: requirements.txt | .venv/bin/pip
	@echo "Installing what the site needs"
	@.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/test: requirements-dev.txt .venv/serve
	@echo "Installing what the tests need"
	@.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

bench: .venv/test  ## the site beside a bare view, files and Wagtail; SIZES="100 100000" for its growth, LAWS=FOLDER
	@$(PY) -m tests.bench.site $(if $(SIZES),--sizes "$(SIZES)") $(if $(LAWS),--laws "$(LAWS)")

load: .venv/test  ## MINUTES=30 of readers, searchers and editors at once, on PostgreSQL; LAWS=FOLDER
	@$(PY) -m tests.with_postgres $(PY) -m tests.bench.load --minutes $(or $(MINUTES),30) $(if $(LAWS),--laws "$(LAWS)")

bench-search: .venv/test  ## our search beside its peers; SET=FOLDER LANG_OF_SET=fr|en, or SIZES="real 1000"
	@$(PY) -m tests.bench.search $(if $(SET),--set "$(SET)" --language $(or $(LANG_OF_SET),fr)) $(if $(SIZES),--sizes "$(SIZES)")

screenshots: .venv/test  ## pictures of every page, to look at, in var/screenshots or FOLDER=…
	@$(PY) -m tests.browser.screenshots $(or $(FOLDER),var/screenshots)

fuzz: .venv/test  ## hostile requests, texts and files for MINUTES=60, or CASES=20000, on both databases
	@$(PY) manage.py translations compile --verbosity 0
	@MINUTES=$(MINUTES) CASES=$(CASES) JOBS=$(JOBS) $(PY) -m tests.fuzz

fuzz-api: .venv/test  ## Schemathesis asks the API CASES=5000 times on each database
	@FUZZ_CASES=$(or $(CASES),5000) $(PY) -m pytest -n $(JOBS) -rP tests/api/test_fuzz.py
	@FUZZ_CASES=$(or $(CASES),5000) $(PY) -m tests.with_postgres $(PY) -m pytest -n $(JOBS) -rP tests/api/test_fuzz.py

lock: .venv/test  ## write requirements*.txt anew after a change of pyproject.toml
	@$(PY) -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header -o requirements.txt pyproject.toml
	@$(PY) -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --extra dev -o requirements-dev.txt pyproject.toml

clean:  ## remove the environment; your data in var/ stays
	rm -rf .venv
