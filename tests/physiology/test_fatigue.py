"""Fatigue in recordings, reports and long walks."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kinesis_trl.agents.baselines import baseline
from kinesis_trl.body.fatigue import FatigueConfig
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.physiology.analysis import analyse
from kinesis_trl.physiology.fatigue import LongWalk, sharing_changes, walk_long
from kinesis_trl.physiology.page import page
from kinesis_trl.physiology.recorder import record
from kinesis_trl.physiology.recording import Recording
from kinesis_trl.physiology.strides import Run


def settings(**condition) -> ImitationConfig:
    return ImitationConfig(num_envs=2, start="beginning", physics=PhysicsConfig(condition=FatigueConfig(**condition)))


@pytest.fixture(scope="module")
def tired(body, library) -> Recording:
    """A body that stands up against its reference with muscles that tire within seconds."""
    config = settings(fatigue=0.5, fatigued=(0.2,))
    return next(iter(record(body, library, lambda env: baseline("reference", env), config, clips=[0])))


def test_a_recording_keeps_the_fatigued_shares(tired, tmp_path):
    assert tired.fatigued.shape == tired.activation.shape
    assert tired.fatigued[0] == pytest.approx(0.2) and tired.fatigued[-1].max() > 0.21
    assert (tired.activation + tired.fatigued <= 1 + 1e-6).all()
    tired.save(tmp_path / "r.npz")
    np.testing.assert_allclose(Recording.load(tmp_path / "r.npz").fatigued, tired.fatigued, atol=1e-6)


def test_the_report_shows_compartments_and_who_tires(body, tired):
    report = analyse([Run(title="policy", recordings=(tired,))], body, emg="none")
    section = report["sections"]["fatigue"]
    found = section["runs"]["policy"]
    most = found["most"][0]
    end = tired.fatigued[-1]
    assert most["muscle"] == body.muscle_names[int(end.argmax())] and most["fatigued"] == pytest.approx(
        end.max(), rel=1e-4
    )
    for shares in found["groups"].values():
        total = np.sum([shares[part] for part in ("active", "resting", "fatigued")], axis=0)
        np.testing.assert_allclose(total, 1, atol=1e-4)
    assert "fatigued" in section["headline"] and "Which muscles tired most?" in page(report, heading="tired", facts=[])
    json.dumps(report, allow_nan=False)


def test_bodies_that_do_not_tire_have_no_such_section(body, statue):
    assert len(statue.fatigued) == 0
    assert "fatigue" not in analyse([Run(title="policy", recordings=(statue,))], body, emg="none")["sections"]


def walked(body, library, **condition) -> LongWalk:
    env = ImitationEnv(body, library, settings(fatigue=0.2, **condition))
    env.assign([0, 0])
    return walk_long(env, baseline("reference", env), minutes=0.05)


def test_a_long_walk_goes_on_after_falls_with_the_same_muscles(body, library):
    walk = walked(body, library, start="kept")
    assert walk.minutes == pytest.approx([0.05]) and walk.activation.shape == walk.fatigued.shape == (1, body.model.nu)
    assert walk.falls[0] >= 2 and np.isfinite(walk.first_fall).all() and walk.first_fall.max() < 0.05
    # whatever is not recovered is what all the time's activation left: a reset would have wiped most of it out
    gone = 0.2 * 3.0 * walk.activation[0]
    strong = gone > 0.02
    assert (walk.fatigued[0][strong] > 0.5 * gone[strong]).all()
    assert 0 <= walk.coverage[0] <= 1 and walk.error[0] > 0 and walk.walked > 0
    shares = sharing_changes(body, walk)
    assert all(row["first"] == pytest.approx(row["last"]) for row in shares)  # one minute only


def test_a_long_walk_needs_muscles_that_stay_tired(body, library):
    with pytest.raises(ValueError, match="start=kept"):
        walked(body, library)
