"""The evaluation command, as a user calls it."""

import json
import os
import subprocess
import sys

import pytest
from rich.console import Console

from kinesis_trl.agents.checkpoint import save_policy
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.policy import make_actor
from kinesis_trl.eval import EvalConfig, evaluate
from kinesis_trl.motion.clip import ClipFormatError


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
    report, said = run(EvalConfig(motions=motions, json=out, picture=chart, threads=1))
    assert json.loads(out.read_text()) == json.loads(json.dumps(report))
    assert [row["name"] for row in report["clips"]] == ["march", "in place", "turning"]
    assert report["summary"]["kinesis"]["coverage"]["mean"] >= report["summary"]["strict"]["coverage"]["mean"] > 0
    assert "turning" in said and "strict" in said and "3 clips in" in said
    assert chart.read_bytes()[:4] == b"\x89PNG"
    assert report["provenance"] and report["config"]["policy"] == "reference"


def test_evaluation_is_deterministic(motions):
    one, two = (run(EvalConfig(motions=motions, threads=t))[0] for t in (1, 2))
    assert one["clips"] == two["clips"]


def test_lesion_changes_the_outcome(motions):
    healthy, _ = run(EvalConfig(motions=motions, threads=1))
    cut, _ = run(EvalConfig(motions=motions, threads=1, lesion=("soleus_r", "soleus_l")))
    assert healthy["clips"] != cut["clips"]
    with pytest.raises(ValueError, match="did you mean"):
        run(EvalConfig(motions=motions, lesion=("soleuss_r",)))


def test_policy_folders(motions, body, tmp_path):
    policy = make_actor(LatticeConfig(network=NetworkConfig(hidden=(16, 8))), 309, 80)
    save_policy(tmp_path / "good", policy, body=body.name, notes={"control": "direct"})
    report, _ = run(EvalConfig(motions=motions, policy=str(tmp_path / "good"), threads=1))
    assert report["summary"]["strict"]["clips"] == 3
    save_policy(tmp_path / "other", policy, body="myolegs_abdomen")
    with pytest.raises(CheckpointError, match="myolegs_abdomen"):
        run(EvalConfig(motions=motions, policy=str(tmp_path / "other")))
    narrow = make_actor(LatticeConfig(network=NetworkConfig(hidden=(16, 8))), 300, 80)
    save_policy(tmp_path / "narrow", narrow, body=body.name)
    with pytest.raises(CheckpointError, match="observes 300 numbers and acts 80"):
        run(EvalConfig(motions=motions, policy=str(tmp_path / "narrow")))
    with pytest.raises(CheckpointError, match="no policy at"):
        run(EvalConfig(motions=motions, policy="runs/nowhere/policy"))


def test_an_original_checkpoint_plays_on_the_original_body(shared, kinesis_xml):
    """Random weights: what counts is that observation, sensing and control fit and the numbers are finite."""
    clips = shared / "data" / "motions" / "kinesis_t2m" / "mdm_walk_forward_2.pkl"
    config = EvalConfig(
        policy=str(shared / "golden" / "kin_moe" / "model.pth"), body=str(kinesis_xml), motions=str(clips), threads=1
    )
    report, _ = run(config)
    assert len(report["clips"]) == 1 and 0 < report["clips"][0]["kinesis"]["coverage"] <= 1


def test_missing_motions_are_said(tmp_path):
    with pytest.raises(ClipFormatError, match=r"no such file|no motion file"):
        run(EvalConfig(motions=str(tmp_path / "missing.npz")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ClipFormatError, match="no motion file there"):
        run(EvalConfig(motions=str(tmp_path / "empty")))


def test_the_command_exits_with_one_line_on_bad_input(tmp_path):
    command = [sys.executable, "-m", "kinesis_trl.eval", "--motions", str(tmp_path / "missing.npz"), "--policy", "zero"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1 and "missing.npz" in result.stdout and "Traceback" not in result.stderr
