# Everything a user types. `make help` lists it. Needs only make and Python 3.10, 3.11 or 3.12.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Off Linux and where PyTorch's CPU build is not the default, name its index:
#   make setup TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
GOLDEN ?= ../shared/golden
PRESET ?= laptop
EXPERT ?= 0
# imitation, point-goal or directional. The latter two start from POLICY.
TASK ?= imitation
# Empty: the policy that ships.
POLICY ?=
MOTIONS ?=
RUNS ?= runs
# Recorded muscle activity to compare with, for the report: the folder emg_assets or a CSV table.
EMG ?=
# Recorded muscle activity of other controllers to show beside, for the report; emg_assets holds a run of the original's.
CONTROLS ?=
# Processes that run the tests side by side.
JOBS ?= 2
# Anything else a command takes: make train EXPERT=0 ARGS='--total-steps 100000'
ARGS ?=

# One thread per process: threads of linear algebra libraries only fight with those of the simulation.
export OMP_NUM_THREADS ?= 1

# How often `make kills` kills.
KILLS ?= 50

.PHONY: help setup demo test kills fuzz soak lint bench results parity train mine moe curriculum eval optimise rehearse view report robustness aim clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.installed ## make .venv and install everything with pinned versions

# PyTorch first and alone: the plain Linux index would bring several GB of CUDA with it. Nothing is compiled to bytecode
# beforehand, as most of it is never imported: Python does it where it is.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 10) <= v <= (3, 12) else f"Python {v[0]}.{v[1]} found, 3.10 to 3.12 needed: make setup PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup ## play the shipped policy: table, video, moving picture, and a report on six straight walks of the coordinated one; in demo/
	$(BIN)/python -m kinesis_trl eval --motions locomotion-v1/demo --json demo/figures.json --picture demo/chart.png --video demo/video.mp4 \
		--video-clips 3 --drawing.height 568
	$$($(BIN)/python -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())') -loglevel error -y -ss 1 -t 4 -i demo/video.mp4 \
		-vf 'fps=10,scale=720:-1,split[a][b];[a]palettegen=max_colors=96[p];[b][p]paletteuse' demo/demo.gif
	$(BIN)/python -m kinesis_trl report --walkers 6 --out demo/report

# The longest files begin first, so that no worker waits for the other at the end.
test: setup ## run the tests
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

kills: setup ## kill training, preparing and optimisation at random moments, and see that nothing is lost: make kills [KILLS=50]
	$(BIN)/python tests/training/kills.py --kills $(KILLS) $(ARGS)
	$(BIN)/python tests/commands/kills.py --kills $(KILLS) $(ARGS)

soak: setup ## step all tasks for long: memory stays level, every number finite: make soak [STEPS=10000000]
	$(BIN)/python tests/envs/soak.py --steps $(or $(STEPS),10000000) $(ARGS)

# 21 tests, as many inputs of each.
fuzz: setup ## feed every reader of files with 100,000 mutated inputs: make fuzz [FUZZ_EXAMPLES=4762]
	FUZZ_EXAMPLES=$(or $(FUZZ_EXAMPLES),4762) $(BIN)/python -m pytest --capture=no $(ARGS) tests/fuzz

lint: setup ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup ## time physics, environment and training beside bare MuJoCo; writes bench.json
	$(BIN)/python -m kinesis_trl bench --json bench.json $(ARGS)

# Remove a file to measure it anew; ARGS goes to every evaluation.
RESULTS := imitation point-goal point-goal-policy directional directional-policy ball
results: setup $(RESULTS:%=results/%.json) ## measure what is not in results/ yet, and write docs/results.md from it
	$(BIN)/python -m kinesis_trl results

results/imitation.json:
	$(BIN)/python -m kinesis_trl eval --json $@ $(ARGS)
results/%-policy.json:
	$(BIN)/python -m kinesis_trl eval --task $* --route policy --json $@ $(ARGS)
results/%.json:
	$(BIN)/python -m kinesis_trl eval --task $* --json $@ $(ARGS)

parity: setup ## compare with arrays of the original: make parity GOLDEN=DIR
	@$(BIN)/python -m kinesis_trl parity --golden $(GOLDEN)

train: setup ## train an expert: make train EXPERT=0 [PRESET=laptop] [MOTIONS=DIR]; or a task: make train TASK=point-goal|directional
ifeq ($(TASK),imitation)
	$(BIN)/python -m kinesis_trl train $(PRESET) --expert $(EXPERT) --runs $(RUNS) $(if $(MOTIONS),--motions $(MOTIONS)) $(ARGS)
else
	$(BIN)/python -m kinesis_trl train $(TASK) --runs $(RUNS) $(if $(POLICY),--warm-start $(POLICY)) $(ARGS)
endif

mine: setup ## find the clips an expert fails: make mine EXPERT=0
	$(BIN)/python -m kinesis_trl mine --run $(RUNS)/expert$(EXPERT) $(ARGS)

moe: setup ## train a gate over all trained experts
	$(BIN)/python -m kinesis_trl train $(PRESET) --moe --runs $(RUNS) $(if $(MOTIONS),--motions $(MOTIONS)) $(ARGS)

curriculum: setup ## train experts, mine and mix until done
	$(BIN)/python -m kinesis_trl train $(PRESET) --curriculum --runs $(RUNS) $(if $(MOTIONS),--motions $(MOTIONS)) $(ARGS)

eval: setup ## evaluate a policy: make eval POLICY=runs/expert0/policy [MOTIONS=DIR] [TASK=point-goal|directional|text]
	$(BIN)/python -m kinesis_trl eval --task $(TASK) $(if $(POLICY),--policy $(POLICY)) $(if $(MOTIONS),--motions $(MOTIONS)) $(ARGS)

optimise: setup ## find motions close to clips that the body can make: make optimise MOTIONS=motions/mine [POLICY=DIR]
	$(if $(MOTIONS),,$(error name the motions: make optimise MOTIONS=motions/mine))
	$(BIN)/python -m kinesis_trl optimise --motions $(MOTIONS) --out $(patsubst %/,%,$(MOTIONS))-optimised $(if $(POLICY),--policy $(POLICY)) $(ARGS)

rehearse:
	@echo "make rehearse is now: make optimise"; exit 1

view: setup ## watch and steer a policy in the browser
	$(BIN)/python -m kinesis_trl view $(if $(POLICY),--policy $(POLICY)) $(if $(MOTIONS),--motions $(MOTIONS)) $(ARGS)

report: setup ## compare a policy's physiology with people: a page in report/ [EMG=DIR] [CONTROLS=DIR]
	$(BIN)/python -m kinesis_trl report --out report $(if $(POLICY),--policy $(POLICY)) $(if $(MOTIONS),--motions $(MOTIONS)) \
		$(if $(EMG),--emg $(EMG)) $(if $(CONTROLS),--controls $(CONTROLS)) $(ARGS)

robustness: setup ## try a policy out under pushes, other strengths and noise
	$(BIN)/python -m kinesis_trl robustness $(if $(POLICY),--policy $(POLICY)) $(if $(MOTIONS),--motions $(MOTIONS)) $(ARGS)

aim: setup ## open the dashboard of all runs on this machine
	$(BIN)/python -m kinesis_trl dashboard --runs $(RUNS) $(ARGS)

clean: ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
