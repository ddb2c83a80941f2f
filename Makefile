# `make demo` and `make test` do everything. Both begin by filling .venv: the demo with what serving
# needs, the tests with all extras (`make setup`).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Install one FAISS build only: the two break each other when both are there.
FAISS ?= $(shell if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1; then echo gpu; else echo cpu; fi)
# The extras of pyproject.toml to install, by default all of them: work on the project needs them.
# The list may be empty.
EXTRAS ?= train,tensorboard,heic,postgres,milvus,otel,s3,ray,dev
# How many processes test side by side. Each has its own PostgreSQL and browser, so more than a few
# only wait for each other.
TEST_WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 1); [ $$n -lt 4 ] && echo $$n || echo 4)
# The free disk that an empty .venv needs, in GB: with PyTorch (measured: 6.8), and without.
ROOM_GB = $(if $(HAS_TORCH),8,1)
comma := ,
# PyTorch comes with FAISS for a GPU, and with the extras that train.
HAS_TORCH = $(filter gpu torch train dev,$(FAISS) $(subst $(comma), ,$(EXTRAS)))
TOOLS := .tools
SBOM := sbom.cdx.json
STAMP := $(VENV)/.installed-$(FAISS)-$(subst $(comma),-,$(EXTRAS))
# What the demo needs, which a .venv with all extras has too.
LIGHT_STAMP := $(VENV)/.installed-light-$(FAISS)

# How long each harness of faults may take, how often it tries, and which ones run (all if empty:
# kills crash disk bits values uploads load shared replicas).
FAULTS_MINUTES ?= 5
FAULTS_COUNT ?= 1000
FAULTS ?=

.PHONY: help setup demo test clusters quick faults image house check format docs audit sbom helm clean

help:
	@echo "make demo    set up, then identify drawn whales over HTTP (KEEP=1 leaves the service running)"
	@echo "make test    set up, then lint, type-check and test everything"
	@echo "make clusters start torchrun and Ray clusters, and kill parts of them: minutes that make test hasn't"
	@echo "make quick   set up, then lint, type-check and run the tests that need no browser, server or weights"
	@echo "make faults  kill, fill disks, flip bits, send rubbish: docs/reliability.md (FAULTS_MINUTES=$(FAULTS_MINUTES) each)"
	@echo "make image   carry out the Dockerfile's steps in a fresh Debian root, as root (IMAGE='--build-arg FAISS=gpu')"
	@echo "make house   print the figures of the house (BEFORE=COMMIT: an earlier commit beside them)"
	@echo "make audit   ask for known vulnerabilities of what is installed; make sbom: list it all in $(SBOM)"
	@echo "make helm    put Helm's program into $(TOOLS)/helm, for the tests of the chart"
	@echo "make setup   fill $(VENV) (FAISS=cpu or gpu, chosen: $(FAISS); EXTRAS=$(EXTRAS))"
	@echo "make format  format the code; make docs: write the generated pages again; make clean: remove $(VENV)"

setup: $(STAMP)

# If the other FAISS build is installed, both are removed first. They share their files, so removing
# one damages the other.
$(LIGHT_STAMP): EXTRAS =
$(STAMP) $(LIGHT_STAMP): pyproject.toml constraints.txt
	@echo "setting up $(VENV) with FAISS for $(FAISS); about $(if $(HAS_TORCH),6.6 GB$(comma) a few minutes,0.6 GB$(comma) half a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "flukeprint needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try make PYTHON=python3.12"; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@found=$$($(BIN)/python -m pip list 2>/dev/null | sed -n 's/^\(faiss-[cg]pu\) .*/\1/p' | tr '\n' ' '); \
		case "$$found" in ""|"faiss-$(FAISS) ") ;; *) $(BIN)/python -m pip uninstall -q -y $$found;; esac
	@if [ "$$(uname -s)" = Linux ] && ! $(BIN)/python -m pip list 2>/dev/null | grep -q '^$(if $(HAS_TORCH),torch,fastapi) '; then \
		free=$$(df -Pk $(VENV)/. | awk 'NR == 2 { print int($$4 / 1e6) }'); filled=$$(du -sk $(VENV)/. | awk '{ print int($$1 / 1e6) }'); \
		[ $$(($${free:-0} + filled)) -ge $(ROOM_GB) ] || { echo "set-up needs $(ROOM_GB) GB of free disk, and here are $${free:-?}; free some space, then run this again"; exit 2; }; fi
	@# pip keeps all that it fetched until the last package is unpacked: 2.7 GB on top of the 6.6. So,
	@# where PyTorch brings CUDA, the heavy packages are installed one by one. If one can't be had by
	@# itself (an index of CPU wheels), the last line of this recipe installs it.
	@if [ -n "$(HAS_TORCH)" ] && [ "$$(uname -sm)" = "Linux x86_64" ] && ! $(BIN)/python -m pip list 2>/dev/null | grep -q '^torch '; then \
		sed -n '/^\(nvidia-\|triton==\|torch==\)/p' constraints.txt | while read -r one; do \
			$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps "$$one" || break; done; fi
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[$(FAISS)$(if $(EXTRAS),$(comma)$(EXTRAS))]'
	@rm -f $(VENV)/.installed-*
	@touch $@

demo: $(firstword $(wildcard $(STAMP)) $(LIGHT_STAMP))
	$(BIN)/flukeprint demo $(if $(KEEP),--keep)

# Without Helm the chart's tests skip, and say so.
test: setup check
	-@$(MAKE) -s helm
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile -m "not cluster" --cov --cov-report=term-missing:skip-covered

# Two Ray clusters at once would want the same ports, and starve each other on two cores.
clusters: setup
	$(BIN)/python -m pytest -q -m cluster

quick: setup check
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile -q -m "not heavy and not shared and not slow and not cluster"

faults: setup
	$(BIN)/python -W ignore -m tests.faults.run $(FAULTS) --minutes $(FAULTS_MINUTES) --count $(FAULTS_COUNT)

image:
	$(PYTHON) .ci/image.py $(IMAGE)

house: setup
	$(BIN)/python tests/house/figures.py $(if $(BEFORE),--before $(BEFORE))

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup
	$(BIN)/python docs/generate.py

# Exit code 3: nothing was checked, because the advisory service can't be reached.
audit: setup
	@$(MAKE) -s $(TOOLS)/.installed || true
	@$(BIN)/python .ci/audit.py $(TOOLS)/bin/pip-audit "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"

sbom: setup $(TOOLS)/.installed
	$(TOOLS)/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible --of JSON -o $(SBOM) $(BIN)/python

helm: $(TOOLS)/helm/helm

$(TOOLS)/helm/helm: .ci/helm.py
	@$(PYTHON) .ci/helm.py $(TOOLS)/helm

$(TOOLS)/.installed: .ci/tools.txt
	@$(BIN)/python -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install -q --disable-pip-version-check -r .ci/tools.txt
	@touch $@

clean:
	rm -rf $(VENV) $(TOOLS) $(SBOM)
