"""The evaluation command, as a user calls it."""

import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from kinesis_trl.agents.checkpoint import save_policy
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.policy import make_actor
from kinesis_trl.commands.eval import chosen_task, evaluate, main
from kinesis_trl.commands.tasks import directional, imitation, point_goal, text
from kinesis_trl.evaluation.directional import SCRIPT, obey
from kinesis_trl.evaluation.keyboard import BindingError, DisplayError
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.gait.clauses import SentenceError
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.planning.mppi import MppiConfig

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def motions(library, tmp_path_factory):
    folder = tmp_path_factory.mktemp("eval") / "march"
    library.save(folder)
    return str(folder)


def run(config):
    console = Console(record=True, width=140, file=open(os.devnull, "w"))  # noqa: SIM115
    return evaluate(config, console), console.export_text()


def test_report_tables_and_files(motions, tmp_path):
    out, chart = tmp_path / "deep" / "out.json", tmp_path / "chart.png"
    report, said = run(imitation.Options(policy="reference", motions=motions, json=out, picture=chart, threads=1))
    assert json.loads(out.read_text()) == json.loads(json.dumps(report))
    assert [row["name"] for row in report["clips"]] == ["march", "in place", "turning"]
    assert report["summary"]["kinesis"]["coverage"]["mean"] >= report["summary"]["strict"]["coverage"]["mean"] > 0
    assert "turning" in said and "strict" in said and "3 clips" in said
    assert chart.read_bytes()[:4] == b"\x89PNG"
    assert report["provenance"] and report["config"]["policy"] == "reference"


def test_evaluation_is_deterministic(motions):
    one, two = (run(imitation.Options(policy="reference", motions=motions, threads=t))[0] for t in (1, 2))
    assert one["clips"] == two["clips"]


def test_lesion_changes_the_outcome(motions):
    healthy, _ = run(imitation.Options(policy="reference", motions=motions, threads=1))
    cut, _ = run(imitation.Options(policy="reference", motions=motions, threads=1, lesion=("soleus_r,soleus_l",)))
    assert healthy["clips"] != cut["clips"]
    with pytest.raises(ValueError, match="did you mean"):
        run(imitation.Options(policy="reference", motions=motions, lesion=("soleuss_r",)))
    with pytest.raises(ValueError, match="no muscle 'tibant_x'"):
        run(point_goal.Options(policy="reference", lesion=("tibant_l,tibant_x",)))


def test_weak_muscles_change_the_outcome(motions):
    healthy, _ = run(imitation.Options(policy="reference", motions=motions, threads=1))
    weak, _ = run(imitation.Options(policy="reference", motions=motions, threads=1, strength=0.5))
    assert healthy["clips"] != weak["clips"]
    with pytest.raises(ValueError, match=r"strength is 1\.5"):
        run(imitation.Options(policy="reference", motions=motions, strength=1.5))


def test_a_sentence_is_done_and_filmed(monkeypatch):
    filmed = []
    monkeypatch.setattr(
        "kinesis_trl.evaluation.video.write_episodes", lambda path, *rest, **options: filmed.append((path, rest))
    )
    report, said = run(text.Options(text="walk forward for 1 meter", policy="reference", threads=1))
    assert [row["name"] for row in report["clips"]] == ["walk forward for 1 meter (0)"]
    assert "results: text.mp4" in said and said.lstrip().startswith("The clip was not followed")
    (path, (_, library, episodes)) = filmed[0]
    assert str(path) == "text.mp4" and len(episodes) == 1
    np.testing.assert_allclose(library.qpos[-1, 0] - library.qpos[0, 0], 1.0, atol=0.05)


def test_sentences_and_clips_that_mean_nothing(motions, tmp_path):
    with pytest.raises(SentenceError, match="flarg"):
        run(text.Options(text="flarg the wug", policy="zero"))
    with pytest.raises(ValueError, match="one of them"):
        text.Options()
    with pytest.raises(ValueError, match="one of them"):
        text.Options(text="walk", clip=tmp_path / "walk.npz")
    with pytest.raises(ClipFormatError, match=r"missing\.npz"):
        run(text.Options(clip=tmp_path / "missing.npz", policy="zero"))


def test_a_clip_of_another_body_is_refused(tmp_path, march):
    np.savez(tmp_path / "other.npz", qpos=march.qpos[:, :-2], fps=30.0)
    with pytest.raises(ClipFormatError, match=r"33|coordinates"):
        run(text.Options(clip=tmp_path / "other.npz", policy="zero"))


def test_goals_report_chart_and_file(tmp_path):
    out, chart = tmp_path / "goals.json", tmp_path / "goals.png"
    report, said = run(point_goal.Options(goals=2, policy="zero", json=out, picture=chart, threads=1))
    assert json.loads(out.read_text()) == json.loads(json.dumps(report))
    assert report["summary"]["goals"] == 2 and len(report["goals"]) == 2
    assert "Target reaching" in said and chart.read_bytes()[:4] == b"\x89PNG"
    again, _ = run(point_goal.Options(goals=1, policy="zero", threads=1, route="policy"))
    assert again["goals"][0]["goal"] == report["goals"][0]["goal"]


def test_commands_report(monkeypatch):
    monkeypatch.setattr("kinesis_trl.evaluation.directional.obey", partial(obey, script=SCRIPT[:3]))
    report, said = run(directional.Options(policy="zero", route="policy", hold=4.0, threads=1))
    assert report["summary"]["commands"] == 3 and report["summary"]["falls"] > 0
    assert "Directional control" in said


def test_options_of_other_tasks_do_not_exist(capsys):
    for arguments in (["--goals", "5"], ["--task", "point-goal", "--motions", "x"], ["directional", "--text", "walk"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
        said = capsys.readouterr()
        assert "Unrecognized" in said.out + said.err
    with pytest.raises(BindingError, match="no key"):
        run(directional.Options(keys=("f13=away",), policy="zero"))
    with pytest.raises(ValueError, match="at least 4 s"):
        directional.Options(hold=1.0)


def test_tasks_are_chosen_by_option_or_word():
    assert chosen_task(["--seed", "1"]) == ("imitation", ["--seed", "1"])
    assert chosen_task(["--seed", "1", "--task", "point-goal", "--goals", "3"]) == (
        "point-goal",
        ["--seed", "1", "--goals", "3"],
    )
    assert chosen_task(["point_goal"]) == chosen_task(["--task=point-goal"]) == ("point-goal", [])
    with pytest.raises(ValueError, match="did you mean directional"):
        chosen_task(["--task", "directionl"])
    with pytest.raises(ValueError, match="choose one of imitation"):
        chosen_task(["--task"])


def test_without_a_display_keys_are_taken_by_a_page(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    shown = []
    monkeypatch.setattr("kinesis_trl.commands.view.view", lambda config, console: shown.append(config))
    steer = directional.Options(interactive=True, policy="zero", keys=("w=away",), lesion=("tibant_l",))
    assert run(steer)[0] == {}
    page = shown[0]
    assert (page.task, page.policy, page.keys, page.lesion) == ("directional", "zero", ("w=away",), ("tibant_l",))
    with pytest.raises(DisplayError, match=r"kinesis view"):
        run(directional.Options(interactive=True, policy="zero", route="policy"))
    with pytest.raises(ValueError, match="measures nothing"):
        directional.Options(interactive=True, json=Path("out.json"))


def test_the_policy_that_ships_is_the_default(monkeypatch, body, tmp_path, motions):
    policy = make_actor(LatticeConfig(network=NetworkConfig(hidden=(16, 8))), 309, 80)
    save_policy(tmp_path / "shipped", policy, body=body.name, notes={"control": "pd"})
    monkeypatch.setattr("kinesis_trl.shipped.asset", lambda name: tmp_path / "shipped")
    report, _ = run(imitation.Options(motions=motions, threads=1))
    assert report["summary"]["strict"]["clips"] == 3


def test_policy_folders(motions, body, tmp_path):
    policy = make_actor(LatticeConfig(network=NetworkConfig(hidden=(16, 8))), 309, 80)
    save_policy(tmp_path / "good", policy, body=body.name, notes={"control": "direct"})
    report, _ = run(imitation.Options(motions=motions, policy=str(tmp_path / "good"), threads=1))
    assert report["summary"]["strict"]["clips"] == 3
    save_policy(tmp_path / "other", policy, body="myolegs_abdomen")
    with pytest.raises(CheckpointError, match="myolegs_abdomen"):
        run(imitation.Options(motions=motions, policy=str(tmp_path / "other")))
    narrow = make_actor(LatticeConfig(network=NetworkConfig(hidden=(16, 8))), 300, 80)
    save_policy(tmp_path / "narrow", narrow, body=body.name)
    with pytest.raises(CheckpointError, match="observes 300 numbers and acts 80"):
        run(imitation.Options(motions=motions, policy=str(tmp_path / "narrow")))
    with pytest.raises(CheckpointError, match="no policy at"):
        run(imitation.Options(motions=motions, policy="runs/nowhere/policy"))


def test_an_original_checkpoint_plays_on_the_original_body(shared, kinesis_xml):
    """Random weights: what counts is that observation, sensing and control fit and the numbers are finite."""
    clips = shared / "data" / "motions" / "kinesis_t2m" / "mdm_walk_forward_2.pkl"
    config = imitation.Options(
        policy=str(shared / "golden" / "kin_moe" / "model.pth"), body=str(kinesis_xml), motions=str(clips), threads=1
    )
    report, _ = run(config)
    assert len(report["clips"]) == 1 and 0 < report["clips"][0]["kinesis"]["coverage"] <= 1


def test_missing_motions_are_said(tmp_path):
    with pytest.raises(ClipFormatError, match=r"no such file|no motion file"):
        run(imitation.Options(policy="zero", motions=str(tmp_path / "missing.npz")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ClipFormatError, match="no motion file there"):
        run(imitation.Options(policy="zero", motions=str(tmp_path / "empty")))


def test_the_command_exits_with_one_line_on_bad_input(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--motions", str(tmp_path / "missing.npz"), "--policy", "zero"])
    said = capsys.readouterr()
    assert ended.value.code == 1 and "missing.npz" in said.out and "Traceback" not in said.err


def test_looking_ahead_plays_the_shipped_policy_on_solved_motions(body, march, tmp_path):
    short = march.with_(qpos=march.qpos[:16], name="short")
    MotionLibrary.build([short], body, inverse=SolveConfig()).save(tmp_path / "short")
    options = {"motions": str(tmp_path / "short"), "threads": 1}
    plain, _ = run(imitation.Options(**options))
    ahead, _ = run(imitation.Options(**options, planner=MppiConfig(samples=24, steps=8, every=1)))
    assert ahead["config"]["planner"]["samples"] == 24
    assert ahead["clips"][0]["kinesis"]["mpjpe"] < plain["clips"][0]["kinesis"]["mpjpe"]


def test_what_cannot_look_ahead_is_refused(motions):
    ahead = MppiConfig(samples=4)
    with pytest.raises(ValueError, match="leave out one of the two"):
        imitation.Options(motions=motions, optimise=True, planner=ahead)
    with pytest.raises(ValueError, match="not 'random'"):
        run(imitation.Options(motions=motions, policy="random", planner=ahead))
    with pytest.raises(ValueError, match="--route planner"):
        run(point_goal.Options(route="policy", goals=1, planner=ahead))
