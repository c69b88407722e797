# Everything sets itself up: `make demo` and `make test` work on a fresh clone, and take seconds to get going afterwards.
PYTHON ?= python3
SHELL := bash
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# uv compiles nothing: without what Python keeps of its own, each start of a tool would compile PyTorch and Polars anew
unexport PYTHONDONTWRITEBYTECODE

# of bench-data and bench-model: SCALES="0.01 0.1 1" is the whole rehearsal; RELEASED is code/encode.py of turningpoint1988/ScPGE
SCALES ?= 0.01 0.1
RELEASED ?=
RELEASED_CREATOR ?=

.PHONY: help setup demo test test-robust test-quick test-containers test-scale images lint lint-nf-core bench-data bench-gpu bench-model table-cells table-costs bench-creator bench-growth tables benchmarks docs clean

help: ## show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: .venv/.python .venv/.nextflow ## a virtual environment in .venv, with Nextflow on its PATH

demo: setup ## train and score on real genome-wide data: results/demo/report.html
	NXF_OPTS="$${NXF_OPTS:--XX:TieredStopAtLevel=1 -XX:+UseSerialGC}" nextflow run . -profile k562 --outdir results/demo
	@cat results/demo/summary.txt
	@echo "Open $(CURDIR)/results/demo/report.html in a browser."

test: setup .venv/.bedtools .venv/.chromium .venv/enformer/.installed ## style, types and every test, the pipeline's too
	@$(MAKE) --no-print-directory lint >.venv/lint.log 2>&1 & lint=$$!; status=0; \
	OMP_WAIT_POLICY=PASSIVE pytest -n 2 --dist loadfile --no-loadscope-reorder -m 'not gpu and not containers and not scale' \
	    tests/pipeline tests/python || status=$$?; \
	wait $$lint || { status=1; cat .venv/lint.log; }; exit $$status

test-quick: setup ## the tests that take seconds
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE pytest -n 2 --dist loadfile -m 'not gpu and not containers and not scale and not robust and not pipeline and not slow'

test-robust: setup .venv/.bedtools ## damaged files, kills, full disks: the short form, many minutes (docs/reliability.md)
	OMP_WAIT_POLICY=PASSIVE pytest -n 2 --dist load -m robust tests/robust

images: ## container images crexpress-cpu and crexpress-gpu, with docker or podman
	containers/build

test-containers: setup ## tests of the CPU image, and runs in it (after `make images`)
	pytest tests/containers

test-scale: setup ## what takes minutes: every profile, 19 cells with five seeds and its resumption, all of --explain
	pytest -m scale tests/scale tests/pipeline tests/python

lint: setup ## style, types, and Nextflow's own linter
	ruff check .
	ruff format --check .
	mypy
	nextflow lint main.nf modules subworkflows nextflow.config conf

lint-nf-core: setup .venv/nf-core/bin/nf-core ## nf-core's own linter (.nf-core.yml)
	NFCORE_NO_VERSION_CHECK=1 .venv/nf-core/bin/nf-core pipelines lint

bench-model: setup ## speed of the model against the released ScPGE (RELEASED as in bench-data)
	python tests/benchmarks/bench_model.py --released $(dir $(RELEASED)) --chrom chr21
	python tests/benchmarks/bench_model.py --released $(dir $(RELEASED)) --chrom chr21 --neighbours 200 --batch 2 --no-masks
	python tests/benchmarks/bench_cell.py --released $(dir $(RELEASED))

bench-creator: setup ## speed of CREaTor against the released model (RELEASED_CREATOR is a checkout of DLS5-Omics/CREaTor)
	python tests/benchmarks/bench_creator.py --released $(RELEASED_CREATOR)

bench-growth: setup ## a training step by number of cells and by window, into docs/scaling.md
	python tests/benchmarks/bench_growth.py --page docs/scaling.md --images docs/images

bench-gpu: setup ## speed of training full-size ScPGE on this machine's GPU
	python tests/benchmarks/bench_gpu.py

bench-data: setup ## speed of data preparation against the released encoder, and what it takes at SCALES of a genome
	python tests/benchmarks/bench_data.py
	python tests/benchmarks/bench_encoder.py $(if $(RELEASED),--released $(RELEASED))
	python tests/benchmarks/rehearse_data.py --scales "$(SCALES)"

tables: setup ## the tables of docs/results-tables.md on real data (hours; TABLES="--minutes 40 --steps 600" for a part)
	python tests/benchmarks/real_tables.py --write docs/results-tables.md $(TABLES)

benchmarks: setup ## the tables of docs/benchmarks.md: models, peers, link model, closed forms (hours; BENCHMARKS="--loops FILE ...")
	python tests/benchmarks/benchmark_tables.py --write docs/benchmarks.md $(BENCHMARKS)

table-cells: setup ## the table of docs/results-tables.md about cells never seen: four real cells, each left out in turn
	nextflow run . -profile cells --seeds 1,2,3 --outdir results/cells -resume
	python tests/benchmarks/cells_table.py results/cells/sweep.parquet docs/results-tables.md

table-costs: setup ## the table of docs/science.md about what scpge costs (minutes, on one CPU thread)
	python tests/benchmarks/cost_table.py docs/science.md

docs: setup .venv/site/bin/mkdocs ## the pages made from schema, docstrings and packages; all of docs/ as a site in site/, its links checked
	.ci/parameters-schema
	.ci/parameters-table >docs/parameters.md
	python .ci/api-page >docs/api.md
	python .ci/licences-table >docs/licences.md
	python .ci/notebook docs/tutorial-python.md >docs/tutorial-python.ipynb
	.venv/site/bin/mkdocs build --quiet

clean: ## remove what runs leave behind (keeps .venv and results)
	rm -rf work .nextflow .nextflow.log*

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Error: Python 3.11 or newer is needed; name it: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Error: install Python's venv (apt-get install python3-venv)"; exit 1; }

# pip installs `crexpress TOOL`; the names of bin/ by themselves are for the checkout and the pipeline
.venv/.python: requirements.lock pyproject.toml | .venv/bin/python
	.venv/bin/python .ci/install-packages .venv --constraint requirements.lock --editable '.[test]'
	@for tool in $(filter-out %.py %__,$(wildcard bin/*)); do \
	    printf '#!/bin/sh\nexec "%s" "%s" "$$@"\n' "$(CURDIR)/.venv/bin/python" "$(CURDIR)/$$tool" >.venv/$$tool; chmod +x .venv/$$tool; done
	@touch $@

.venv/.nextflow: .ci/install-nextflow | .venv/.python
	.ci/install-nextflow
	@touch $@

.venv/.chromium: .ci/install-chromium | .venv/.python
	.ci/install-chromium
	@touch $@

.venv/.bedtools: .ci/install-bedtools | .venv/.python
	.ci/install-bedtools
	@touch $@

# environments of their own: their pins would hold back ours
.venv/nf-core/bin/nf-core: .nf-core.yml | .venv/bin/python
	$(PYTHON) -m venv .venv/nf-core
	.venv/bin/python .ci/install-packages .venv/nf-core "nf-core==$$(sed -n 's/^nf_core_version: //p' .nf-core.yml)"
	@touch $@

# with our torch, which is large
.venv/enformer/.installed: | .venv/.python
	$(PYTHON) -m venv .venv/enformer
	.venv/bin/python -c 'import site; print(site.getsitepackages()[0])' >$$(echo .venv/enformer/lib/python*/site-packages)/ours.pth
	.venv/enformer/bin/pip install --quiet enformer-pytorch==0.8.12
	@touch $@

.venv/site/bin/mkdocs: mkdocs.yml | .venv/bin/python
	$(PYTHON) -m venv .venv/site
	.venv/bin/python .ci/install-packages .venv/site mkdocs-material==9.7.0 mdx_truly_sane_lists==1.3
	@touch $@
