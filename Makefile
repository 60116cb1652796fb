# Two commands need nothing prepared but Python >= 3.11 and make:
#
#     make demo     install what it needs into .venv and run the default study
#     make test     install the rest into .venv and run every test
#
# While working, `make check` runs the quick part of the tests.

PYTHON ?= python3
VENV := .venv
RUNS := $(VENV)/.runs
INSTALLED := $(VENV)/.installed
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

# Where PyTorch comes from, if not from the usual index; README.md says when. Its wheels bring libraries of their own.
TORCH_INDEX ?=
INSTALL = $(if $(TORCH_INDEX),grep -vE '^(nvidia|cuda|triton)' $(1) | pip install --extra-index-url $(TORCH_INDEX) \
	--requirement /dev/stdin,pip install --requirement $(1))

# Tests run in so many processes; those of the workflow take two cores each, a little of the time.
WORKERS ?= 2
PYTEST := OMP_NUM_THREADS=1 pytest --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder

.PHONY: demo quick smoke bench readme docs test check lint format lock schemas clean help

help:
	@sed -n 's/^# \{0,1\}//p' Makefile

demo: $(RUNS)
	snakemake --cores all

# The same workflow on a sheet of six experiments, the quickest look at what comes out. OPTIONS are more of Snakemake's.
quick: $(RUNS)
	snakemake --cores all --configfile config/quick.yaml $(OPTIONS)

# The published study in miniature: all 32 cells on tiny random networks, a few minutes.
smoke: $(RUNS)
	snakemake --cores all --configfile config/smoke-paper.yaml

# The default study, and README.md's table, picture and claims from it; commit what it writes.
readme: demo
	python docs/write_readme.py results/photographs

# Speed on this machine, against the plain way of running: docs/performance.md says what is measured.
bench: $(INSTALLED)
	ddpg bench

test: $(INSTALLED)
	$(PYTEST)

# Every test function without Snakemake, SLURM, browser or compiler that takes a quarter of a second at
# most, with the first and the last of its cases.
check: $(INSTALLED)
	$(PYTEST) --quick

lint: $(INSTALLED)
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules
	mypy
	lint-imports --no-cache
	snakemake --lint --software-deployment-method apptainer

format: $(INSTALLED)
	ruff check --fix .
	ruff format .
	snakefmt Snakefile rules

lock:
	uv pip compile pyproject.toml --extra dev --universal --no-header --output-file requirements.lock
	uv pip compile pyproject.toml --constraints requirements.lock --universal --no-header --no-annotate --output-file requirements-demo.lock

# The documentation as a site, build/docs/index.html; a link that leads nowhere is an error.
docs: $(INSTALLED)
	sphinx-build -W --keep-going -q --fresh-env --doctree-dir build/doctrees docs build/docs

schemas: $(INSTALLED)
	ddpg schemas

clean:
	rm -rf results resources .snakemake

# What runs a study, without what tests and linters need.
$(RUNS): requirements-demo.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(call INSTALL,requirements-demo.lock)
	pip install --no-deps --editable .
	touch $@

$(INSTALLED): requirements.lock $(RUNS)
	$(call INSTALL,requirements.lock)
	touch $@
