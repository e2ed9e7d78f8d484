"""Rollouts as mm-evalkit reads them: its own validator takes them, and its own gait code makes our figures of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.io import savemat

from kinesis_trl.physiology.activity import activity_of
from kinesis_trl.physiology.emg import compare
from kinesis_trl.physiology.emg_data import load_wang2023
from kinesis_trl.physiology.emg_muscles import recorded_name
from kinesis_trl.physiology.recording import RecordingError
from kinesis_trl.physiology.rollouts import export_rollouts, full_body_channels, write_rollouts
from kinesis_trl.physiology.strides import Run, collect


@pytest.fixture(scope="module")
def followed(walk):
    """The walk, as one that followed itself."""
    return replace(walk, reference_time=walk.time, reference_qpos=walk.qpos)


def test_an_archive_holds_the_recording(followed, tmp_path):
    write_rollouts([followed, followed], tmp_path / "own.npz")
    with np.load(tmp_path / "own.npz", allow_pickle=False) as found:
        assert int(found["n_episodes"]) == 2 and float(found["dt"]) == 0.01
        positions = found["episode_1_joint_positions"]
        assert positions.shape == (int(followed.time[-1] * 100 + 1e-6) + 1, 7 + len(followed.coordinate_names))
        np.testing.assert_allclose(positions[::10], followed.qpos[::3], atol=1e-9)  # every tenth of a second
        assert list(found["joint_names"]) == ["root", *followed.coordinate_names]
        touch = found["episode_0_touch_observations"]
        standing = (touch[:, [0, 2]] > 0.05).mean(0)
        np.testing.assert_allclose(standing, followed.contact.mean(0), atol=0.05)
        np.testing.assert_allclose(np.linalg.norm(positions[:, 3:7], axis=1), 1)


def test_nothing_to_write_is_said(followed, tmp_path):
    with pytest.raises(RecordingError, match="no recording"):
        write_rollouts([], tmp_path / "none.npz")
    with pytest.raises(RecordingError, match="none of the joints"):
        write_rollouts([followed], tmp_path / "none.npz", joints=["elbow"])
    assert not list(tmp_path.iterdir())


def test_its_validator_takes_them(followed, tmp_path):
    validation = pytest.importorskip("mm_evalkit.workflows.gait.rollout_validation")
    joints, muscles = full_body_channels()
    write_rollouts([followed], tmp_path / "full.npz", joints=joints, muscles=muscles)
    with np.load(tmp_path / "full.npz", allow_pickle=True) as archive:
        episodes = validation.validate_rollout_archive(
            archive,
            tmp_path / "full.npz",
            subject_based=False,
            motion_count=None,
            expected_joint_names=joints,
            expected_joint_width=len(joints) + 6,
            expected_activation_width=len(muscles),
        )
        assert episodes == 1
        knee = archive["episode_0_joint_positions"][::10, 6 + joints.index("knee_angle_r")]
    np.testing.assert_allclose(knee, followed.angle("knee_angle_r")[::3], atol=1e-9)


def test_its_wang_metrics_are_ours(followed, shared, tmp_path):
    """mm-evalkit cuts the strides, means them and correlates them with people by its own code, and comes to our r.

    Its files of people hold the means that we have as arrays; joints, which these arrays lack, are made up.
    """
    analysis = pytest.importorskip("mm_evalkit.workflows.gait.analysis")
    wang = pytest.importorskip("mm_evalkit.datasets.wang")
    data = load_wang2023(shared / "data" / "physiology" / "kinesis_emg")
    ours = [recorded_name(title) for title in wang.Wang_muscle_map.values()]
    for subject, emg in zip(wang.SUBJECTS, data.mean[data.nearest_speed(1.25)], strict=True):
        table = np.column_stack([data.percent, *(emg[:, data.muscles.index(m)] for m in ours)])
        wave = np.sin(2 * np.pi * data.percent / 100)[:, None] * np.arange(len(wang.JOINT_NAMES))
        mean = {"EMG": {"ave_r": table}, "IKAngData": {"ave_r": wave}}
        folder = tmp_path / "people" / f"Subj{subject:02d}"
        folder.mkdir(parents=True)
        savemat(folder / f"Subj{subject:02d}_walk_45.mat", {"Datastr": {"Resample": {"Sych": {"Average": mean}}}})
    joints, muscles = full_body_channels()
    runs = [Run(title="our policy", recordings=(followed,)), Run(title="motion", recordings=(followed,), replayed=True)]
    policies = export_rollouts(runs, tmp_path / "rollouts", joints, muscles)
    found = analysis.FullBodyAnalysis("Wang", tmp_path / "people", policies, plots_dir=tmp_path / "plots")
    from mm_evalkit.workflows.gait.metrics import compute_human_to_model_metrics_population

    compute_human_to_model_metrics_population(found.state)
    (run,) = found.state.policies
    strides, _ = collect(Run(title="w", recordings=(followed,)), speeds=(0.0, 9.0))
    activity = activity_of(strides)
    mine = compare(activity.profiles["r"], activity.names, "r", data, speed=1.25, draws=1)
    mean_r = {f"{row['model'][0]}_r": row["by_subject"] for row in mine["muscles"].values()}
    theirs = {name: r for name, r in run.population.muscle_corr.items() if name in mean_r}
    assert len(theirs) == 8
    apart = [np.abs(r - mean_r[name]) for name, r in theirs.items()]
    assert np.mean(apart) < 0.05 and np.max(apart) < 0.15  # it also takes strides cut off at the ends
