"""Parity with the original's arrays, and refusal of folders that cannot be compared."""

import json
import shutil

import numpy as np
import pytest

from kinesis_trl.commands.parity import main
from kinesis_trl.evaluation.parity import GoldenError, compare


def test_every_quantity_is_within_its_tolerance(shared):
    results = compare(shared / "golden")
    assert len(results) >= 18
    assert {name: r.error for name, r in results.items() if not r.passed} == {}


@pytest.fixture
def golden(shared, tmp_path):
    shutil.copytree(shared / "golden", tmp_path / "golden", copy_function=shutil.copyfile)
    (tmp_path / "golden").chmod(0o755)
    return tmp_path / "golden"


def edit(folder, **changes):
    path = folder / "kinesis_reference.npz"
    with np.load(path) as archive:
        arrays = {k: archive[k] for k in archive.files}
    for key, change in changes.items():
        if change is None:
            arrays.pop(key)
        else:
            arrays[key] = change(arrays[key])
    path.unlink()
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    "key, quantity",
    [
        ("activation", "excitation"),
        ("selfobs_local_body_rot_obs", "observation_body_rot"),
        ("reward", "reward"),
    ],
)
def test_a_small_deviation_is_found(golden, key, quantity):
    edit(golden, **{key: lambda a: a + 1e-5 * (np.arange(a.size).reshape(a.shape) == 3)})
    results = compare(golden)
    assert not results[quantity].passed
    assert results[quantity].error == pytest.approx(1e-5, rel=1e-3)
    assert sum(not r.passed for r in results.values()) == 1


def test_nan_is_a_failure(golden):
    edit(golden, reward=lambda a: np.where(np.arange(len(a)) == 2, np.nan, a))
    assert not compare(golden)["reward"].passed


def test_bad_folders_are_refused(golden, tmp_path):
    with pytest.raises(GoldenError, match="cannot be opened"):
        compare(tmp_path / "nowhere")
    edit(golden, muscle_acc0=None)
    with pytest.raises(GoldenError, match="muscle_acc0"):
        compare(golden)
    (golden / "kinesis_reference.npz").write_bytes(b"PK not a zip")
    with pytest.raises(GoldenError, match="broken or cut short"):
        compare(golden)


def test_command_prints_one_json_object_and_its_exit_status_is_the_verdict(golden, capsys):
    def run():
        with pytest.raises(SystemExit) as ended:
            main(["--golden", str(golden)])
        return ended.value.code, capsys.readouterr().out

    status, said = run()
    assert status == 0 and json.loads(said)["failed"] == []
    edit(golden, reward=lambda a: a + 1.0)
    status, said = run()
    assert status == 1 and json.loads(said)["failed"] == ["reward"]
    shutil.rmtree(golden)
    assert run()[0] == 2
