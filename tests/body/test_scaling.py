"""Bodies of other sizes: right where they are told to be, by the stated rules in between, and refused beyond."""

import mujoco
import numpy as np
import pytest

from kinesis_trl.agents.checkpoint import load_checkpoint
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.body.catalog import BodyError, compile_skeleton, kind_of
from kinesis_trl.body.inverse import solve
from kinesis_trl.body.model import load_body
from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.body.scaling import Scaling, segment_lengths
from kinesis_trl.body.subject import Subject, SubjectError, sized
from kinesis_trl.motion.gait.language import text_to_clip
from kinesis_trl.settings import SettingsError
from kinesis_trl.shipped import SHIPPED_POLICY, asset

pytestmark = pytest.mark.slow


def lengths(body):
    return segment_lengths(body.whole)


@pytest.mark.parametrize("text", ["height=1.5,mass=50", "height=1.95,mass=95", "height=1.7,thigh=0.45,shank=0.42"])
def test_a_body_has_the_size_it_is_told(body, text):
    told, made = Subject.read(text), load_body(f"legs:{text}")
    assert made.height == pytest.approx(told.height, abs=1e-6)
    assert made.mass == pytest.approx(told.mass or body.mass * (told.height / body.height) ** 2, rel=1e-9)
    for name, value in told.segments.items():
        assert lengths(made)[name] == pytest.approx(value, rel=1e-6)
    again = load_body(made.name)
    np.testing.assert_array_equal(again.model.body_pos, made.model.body_pos)
    assert again.name == made.name == f"myolegs:{told.text}"


def test_its_own_size_changes_nothing(body):
    same = Scaling.of(body.whole, Subject(height=body.height, mass=body.mass, **lengths(body))).apply(body.model)
    for name in ("body_pos", "body_mass", "body_inertia", "site_pos", "geom_size", "actuator_gainprm", "eq_data"):
        np.testing.assert_allclose(getattr(same, name), getattr(body.model, name), atol=1e-5, rtol=1e-6)
    assert same.stat.meanmass == body.model.stat.meanmass


def test_uniform_scaling_by_hand(body):
    """Everything of a body of 0.9 times the height: lengths, inertia, moment arms, muscles."""
    factor, mass = 0.9, 60.0
    small = load_body(f"legs:height={factor * body.height:.6f},mass={mass}")
    factor = small.height / body.height
    heavier = mass / body.mass
    skeleton = compile_skeleton(small.entry, small.model.opt.timestep)
    for other in (skeleton, small.whole):
        np.testing.assert_allclose(other.body_pos, small.model.body_pos, atol=1e-12)
        np.testing.assert_allclose(other.body_mass, small.model.body_mass, atol=1e-12)
    np.testing.assert_allclose(small.model.body_mass, heavier * body.model.body_mass, rtol=1e-9)
    np.testing.assert_allclose(small.model.body_inertia, heavier * factor**2 * body.model.body_inertia, rtol=1e-6)
    qpos = body.standing_qpos.copy()
    qpos[7:] += 0.2 * np.random.default_rng(0).random(len(qpos) - 7)
    data, other = mujoco.MjData(body.model), mujoco.MjData(small.model)
    for model, state, scale in ((body.model, data, 1.0), (small.model, other, factor)):
        slides = model.jnt_qposadr[model.jnt_type == mujoco.mjtJoint.mjJNT_SLIDE]
        state.qpos[:] = qpos
        state.qpos[:3] *= scale
        state.qpos[slides] *= scale
        mujoco.mj_forward(model, state)
    np.testing.assert_allclose(other.xipos, factor * data.xipos, atol=1e-6)
    np.testing.assert_allclose(other.actuator_length, factor * data.actuator_length, atol=1e-6)
    normal = [
        b.muscles.length_scale * s.actuator_length + b.muscles.length_offset for b, s in ((body, data), (small, other))
    ]
    np.testing.assert_allclose(normal[1], normal[0], atol=1e-5)
    volume = (47.05 * mass * small.height + 1289.6) / (47.05 * body.mass * body.height + 1289.6)
    np.testing.assert_allclose(small.muscles.peak_force, body.muscles.peak_force * volume / factor, rtol=1e-5)


def test_couplings_of_a_scaled_knee_hold(body):
    tall = load_body("legs:height=1.95")
    physics = BatchPhysics(tall, 1)
    for _ in range(10):
        physics.step_excitations(np.full((1, tall.model.nu), 0.05))
    assert np.abs(tall.couplings.apply(physics.qpos) - physics.qpos).max() < 0.02
    assert tall.mirror.joint_sign.shape == body.mirror.joint_sign.shape


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("height=1.1", "height of 1.1 m; bodies are made from 1.2 to 2.2 m"),
        ("mass=210", "mass of 210 kg; bodies are made from 25 to 200 kg"),
        ("thigh=-1", "positive length"),
        ("thigh=0.9", "2.23 times as long"),
        ("height=1.5,thigh=0.75,shank=0.75", "Do the lengths fit the height"),
        ("tall", "expected such as height=1.62,mass=58"),
    ],
)
def test_sizes_no_body_has_are_refused(text, said):
    with pytest.raises(ValueError, match=said):
        load_body(sized("legs", text))


def test_words_that_are_no_size_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="did you mean 'height'"):
        sized("legs", "hight=1.7")
    with pytest.raises(SettingsError, match="expected float"):
        sized("legs", "height=tall")
    with pytest.raises(SubjectError, match="has a size already"):
        sized("legs:height=1.7", "mass=60")
    with pytest.raises(BodyError, match="unknown body 'arms'"):
        load_body("arms:height=1.7")
    (tmp_path / "me.yaml").write_text("height: 1.7\nthigh: 0.41\n")
    assert sized("legs_abs", str(tmp_path / "me.yaml")) == "legs_abs:height=1.7,thigh=0.41"


def test_a_policy_moves_its_body_in_any_size():
    assert kind_of("legs:height=1.62") == "myolegs"
    load_checkpoint(asset(SHIPPED_POLICY), body="myolegs:height=1.62")
    with pytest.raises(CheckpointError, match=r"body is myolegs, expected myolegs_abdomen:height=1.62"):
        load_checkpoint(asset(SHIPPED_POLICY), body="myolegs_abdomen:height=1.62")


def test_the_same_gait_takes_the_same_moments_per_mass_and_height(body):
    """A walk in proportion, slower by the root of the size (Alexander and Jayes 1983), on three sizes."""
    clip = text_to_clip("walk forward at 1.2 m/s for 2 seconds", body)
    moments = []
    for height in (1.5, 1.7, 1.95):
        sized_body = load_body(f"legs:height={height}")
        ratio = sized_body.height / body.height
        qpos = clip.qpos.copy()
        qpos[:, :3] *= ratio
        slides = sized_body.model.jnt_qposadr[sized_body.model.jnt_type == mujoco.mjtJoint.mjJNT_SLIDE]
        qpos[:, slides] *= ratio
        found = solve(sized_body, qpos, clip.fps / np.sqrt(ratio)).joint_moment
        moments.append(np.sqrt(np.square(found).mean(0)) / (sized_body.mass * sized_body.height))
    moments = np.array(moments)
    strong = moments.mean(0) > 0.05  # hip, knee and ankle; N m per kg and metre
    assert strong.sum() >= 6
    assert (moments.max(0) / moments.min(0))[strong].max() < 1.1
