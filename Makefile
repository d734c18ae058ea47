# Everything here needs Python 3.11 or later and an index that `pip` reaches; nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SAMPLE := build/sample_class
WORKERS ?= 2
# How many of the declared mistakes the sample class makes; `all` takes longer the more there are.
MISTAKES ?= 400
# On Linux the plain torch of the index brings gigabytes of CUDA; README says how to avoid that with
# TORCH_ARGS.
TORCH ?= torch==2.13.0

# Sizes are small here: threads within a product of matrices would only wait for one another.
export OPENBLAS_NUM_THREADS ?= 1
export OMP_NUM_THREADS ?= 1

.PHONY: demo test test-integrations sample-class bench verify mutants cuda-survey doctor attacks lint setup clean

demo: setup  ## build a sample class, grade it in isolation, print a table and the report's path
	$(BIN)/autograder build --check
	$(BIN)/python instructor/sample_class/generate.py $(SAMPLE) --mistakes $(MISTAKES)
	@rm -f build/graded/class.html
	@# Exit code 1 says that somebody lost points, 2 that something could not be graded; the sample
	@# class has both, so what counts is that the report was written.
	@$(BIN)/autograder grade $(SAMPLE) --out build/graded --workers $(WORKERS) || test -f build/graded/class.html

test: setup  ## the quick checks of everything; long ones are sampled with a fixed seed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup

test-integrations: setup  ## every route of nbgrader, Gradescope, GitHub and the others
	$(BIN)/python -m pytest -m integrations --integrations=all --numprocesses $(WORKERS)

bench: setup  ## print the table of docs/benchmarks.md
	$(BIN)/python -m autograder.bench
	$(BIN)/python -m solutions.benchmarks.block
	$(BIN)/python -m solutions.benchmarks.bpe
	$(BIN)/python -m solutions.benchmarks.autograd
	$(BIN)/python -m solutions.benchmarks.training
	$(BIN)/python -m solutions.benchmarks.engine

sample-class: setup  ## everybody is graded, and makes every declared mistake
	$(BIN)/python -m pytest instructor/tests/test_sample_class.py --sample-class=all

verify: setup  ## the full self-check: 20 seeds, right solutions with 200
	$(BIN)/autograder verify --seeds 20 --right 200

mutants: setup  ## every machine-made mutant of every reference; writes docs/test-quality.md
	$(BIN)/autograder verify --mutants --table docs/test-quality.md

cuda-survey: setup  ## does the grader of kernels see every deleted barrier; what do builds cost
	$(BIN)/python -m autograder.tests.cuda_survey
	$(BIN)/python -m autograder.tests.cuda_bench

doctor: setup
	$(BIN)/autograder doctor

attacks: setup  ## every attack at every level that this machine offers
	$(BIN)/python -m pytest autograder/tests/test_attacks.py --attacks=all

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH_ARGS) "$(TORCH)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[torch,nbgrader,dev]"
	touch $@

clean:
	rm -rf $(VENV) build dist
