"""The optimise command, as a user calls it, and evaluation that optimises first."""

import json
import os
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from rich.console import Console

from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.commands.eval import evaluate
from kinesis_trl.commands.optimise import OptimiseConfig, optimise
from kinesis_trl.commands.tasks import imitation
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.motion.gait.language import text_to_clip
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.planning import optimise as optimising
from kinesis_trl.planning.controllers import make_player
from kinesis_trl.planning.ilqr import RefineConfig
from kinesis_trl.planning.optimise import OptimisationConfig, TrajectoryOptimiser
from kinesis_trl.planning.search import SearchConfig
from kinesis_trl.shipped import FEEDFORWARD_POLICY, asset

pytestmark = pytest.mark.slow

SMALL = SearchConfig(bodies=6, clips=2)
ONCE = RefineConfig(rounds=1, corrections=1)


@pytest.fixture(scope="module")
def motions(body, tmp_path_factory):
    """Two clips of half a second each."""
    clip = text_to_clip("walk forward", body)
    clips = [replace(clip, name=f"walk {k}", qpos=clip.qpos[k : k + 16].copy()) for k in (20, 40)]
    folder = tmp_path_factory.mktemp("optimise") / "walks"
    MotionLibrary.build(clips, body, inverse=SolveConfig()).save(folder)
    return folder


@pytest.fixture
def console():
    torch.set_num_threads(1)
    return Console(record=True, width=140, file=open(os.devnull, "w"))


def test_optimised_motions_are_followed_by_the_regulator(body, motions, tmp_path, console):
    out = tmp_path / "optimised"
    report = optimise(
        OptimiseConfig(
            motions=str(motions), out=out, search=SMALL, refine=ONCE, json=tmp_path / "found.json", threads=1
        ),
        console,
    )
    said = console.export_text()
    assert "2 of 2 clips" in said and "kinesis eval --policy regulator" in said
    assert json.loads((tmp_path / "found.json").read_text())["tries"] == report["tries"] == {"walk 20": 0, "walk 40": 0}
    assert report["summary"]["kinesis"]["success"]["mean"] == 1.0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []  # nothing is left lying about
    library = MotionLibrary.load(out, body)
    assert library.feedback is not None and library.feedback[:15].any()
    followed = evaluate(imitation.Options(policy="regulator", motions=str(out), threads=1), console)
    assert followed["summary"]["kinesis"]["success"]["mean"] == 1.0
    # it goes the way that was found: as far from the clip as prepared, to within a few millimetres
    found, gone = (r["summary"]["kinesis"]["mpjpe_mm"]["mean"] for r in (report, followed))
    assert gone == pytest.approx(found, abs=5)


def test_an_interrupted_optimisation_goes_on_with_what_was_found_and_made(
    body, motions, tmp_path, console, monkeypatch
):
    search, run_tasks = optimising.search, optimising.run_tasks
    searched, made, stop_in = [], [], ""

    def searching(*args, **kwargs):
        for item in search(*args, **kwargs):
            searched.append(item[0])
            yield item
            if stop_in == "search":
                raise KeyboardInterrupt

    def making(tasks, workers):
        for part in run_tasks(pickle.loads(pickle.dumps(tasks)), workers):  # as processes are given them
            made.append(part.clips[0].name)
            yield part
            if stop_in == "references":
                raise KeyboardInterrupt

    monkeypatch.setattr(optimising, "search", searching)
    monkeypatch.setattr(optimising, "run_tasks", making)
    out = tmp_path / "out"
    config = OptimiseConfig(motions=str(motions), out=out, search=replace(SMALL, clips=1), refine=ONCE, threads=1)
    for stop_in, now_searched, now_made in (("search", [0], []), ("references", [0, 1], ["walk 20"])):  # noqa: B007
        with pytest.raises(KeyboardInterrupt):
            optimise(config, console)
        assert (searched, made) == (now_searched, now_made) and not out.exists()
    stop_in = ""
    optimise(config, console)
    assert (searched, made) == ([0, 1], ["walk 20", "walk 40"])
    library = MotionLibrary.load(out, body)
    assert [clip.name for clip in library.clips] == ["walk 20", "walk 40"] and library.feedback[20:].any()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_clips_that_cannot_be_kept_up_stay_as_they_were(body, tmp_path):
    """Without a muscle no clip can; each is searched twice and given up."""
    torch.set_num_threads(1)
    policy = asset(FEEDFORWARD_POLICY)
    player = make_player(str(policy), body, ImitationConfig(physics=PhysicsConfig(strength=0.0)))
    clip = text_to_clip("walk forward", body)
    longer = replace(clip, qpos=clip.qpos[20:80].copy())  # long enough to fall
    library = MotionLibrary.build([longer], body, inverse=SolveConfig())
    config = OptimisationConfig(search=replace(SMALL, bodies=2, tries=1, back=4))
    kept, found = TrajectoryOptimiser(body, library, policy, player, config).run(tmp_path / "out")
    assert [result.whole for result in found] == [False]
    np.testing.assert_array_equal(kept.qpos.numpy(), library.qpos.numpy())
    assert not kept.feedback.any()


def test_evaluation_optimises_first_and_remembers(motions, tmp_path, console, monkeypatch):
    monkeypatch.setenv("KINESIS_TRL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(optimising.OptimisationConfig, "rounds", lambda self: (SMALL, SMALL))
    first = evaluate(imitation.Options(motions=str(motions), optimise=True, threads=1), console)
    assert first["summary"]["strict"]["success"]["mean"] > 0
    monkeypatch.setattr(optimising, "search", None)  # not called again
    again = evaluate(imitation.Options(motions=str(motions), optimise=True, threads=1), console)
    assert again["clips"] == first["clips"]


def test_only_a_trained_policy_of_this_kind_optimises(motions, tmp_path, console):
    for policy, reason in (("reference", "no trained policy"), (str(tmp_path / "none"), "no policy at")):
        with pytest.raises(CheckpointError, match=reason):
            optimise(OptimiseConfig(motions=str(motions), out=tmp_path / "out", policy=policy), console)
    assert not (tmp_path / "out").exists()
