"""Many simulations at once: equal to plain MuJoCo, reproducible, and hard to break."""

import mujoco
import numpy as np
import pytest

from kinesis_trl.body.model import load_body
from kinesis_trl.body.muscles import length_controller
from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.body.simulator import PhysicsConfig


def standing(body, n):
    return np.tile(body.standing_qpos, (n, 1)), np.zeros((n, body.model.nv)), np.zeros((n, body.model.na))


def targets(body, n, seed=0):
    lengths = BatchPhysics(body, 1).length
    return lengths * np.random.default_rng(seed).uniform(0.9, 1.05, size=(n, body.model.nu))


def test_one_policy_step_equals_plain_mujoco(body):
    physics = BatchPhysics(body, 2)
    target = targets(body, 2)
    physics.step_lengths(target)
    physics.step_lengths(target)
    for row in range(2):
        data = mujoco.MjData(body.model)
        data.qpos[:] = body.standing_qpos
        mujoco.mj_forward(body.model, data)
        for _ in range(10):
            data.ctrl[:] = length_controller(data.actuator_length, data.actuator_velocity, target[row], body.muscles)
            mujoco.mj_step(body.model, data)
        np.testing.assert_array_equal(physics.qpos[row], data.qpos)
        np.testing.assert_array_equal(physics.activation[row], data.act)


@pytest.mark.parametrize("control", ["lengths", "excitations"])
def test_same_numbers_at_any_thread_count(body, control):
    ends = []
    for threads in (1, 2, 3):
        physics = BatchPhysics(body, 7, PhysicsConfig(threads=threads))
        inputs = targets(body, 7) if control == "lengths" else np.random.default_rng(0).random((7, body.model.nu))
        for _ in range(3):
            (physics.step_lengths if control == "lengths" else physics.step_excitations)(inputs)
        ends.append((physics.qpos.copy(), physics.qvel.copy()))
    for other in ends[1:]:
        np.testing.assert_array_equal(ends[0][0], other[0])
        np.testing.assert_array_equal(ends[0][1], other[1])


def test_reset_touches_only_its_rows(body):
    physics = BatchPhysics(body, 4)
    physics.step_excitations(np.full((4, body.model.nu), 0.2))
    before = physics.qpos.copy()
    rows = np.array([1, 3])
    qpos, qvel, act = standing(body, 2)
    qpos[:, 0] = 5.0
    act[:] = 0.25
    physics.reset(rows, qpos, qvel, act)
    np.testing.assert_array_equal(physics.qpos[[0, 2]], before[[0, 2]])
    np.testing.assert_array_equal(physics.qpos[rows], qpos)
    np.testing.assert_array_equal(physics.activation[rows], act)
    assert physics.lag.tolist() == pytest.approx([1 / 150, 0, 1 / 150, 0])
    np.testing.assert_allclose(physics.observe().position[rows][:, 0, 0], 5.0)


def test_observation_describes_the_state_it_says(body):
    """With sensing `fresh` the poses are the state's; otherwise they are those of one substep before."""
    target = targets(body, 1)
    fresh, stale = (
        BatchPhysics(body, 1, PhysicsConfig(sensing="fresh")),
        BatchPhysics(body, 1, PhysicsConfig(substeps=6)),
    )
    fresh.step_lengths(target)  # 5 substeps, described after the 5th
    stale.step_lengths(target)  # 6 substeps, described after the 5th
    assert fresh.lag[0] == 0 and stale.lag[0] == pytest.approx(1 / 150)
    np.testing.assert_allclose(fresh.observe().position, stale.observe().position, atol=1e-12)
    data = mujoco.MjData(body.model)
    data.qpos[:], data.qvel[:] = fresh.qpos[0], fresh.qvel[0]
    mujoco.mj_forward(body.model, data)
    seen = fresh.observe()
    np.testing.assert_allclose(seen.position[0], data.xpos[body.observed_ids], atol=1e-12)
    for k, body_id in enumerate(body.observed_ids):
        velocity = np.zeros(6)
        mujoco.mj_objectVelocity(body.model, data, mujoco.mjtObj.mjOBJ_XBODY, body_id, velocity, 0)
        np.testing.assert_allclose(seen.angular_velocity[0, k], velocity[:3], atol=1e-10)
        np.testing.assert_allclose(seen.linear_velocity[0, k], velocity[3:], atol=1e-10)


def test_sensing_as_the_original_mixes_current_poses_with_earlier_velocities(body):
    target = targets(body, 2)
    original, fresh, stale = (BatchPhysics(body, 2, PhysicsConfig(sensing=s)) for s in ("original", "fresh", "lagged"))
    for physics in (original, fresh, stale):
        physics.step_lengths(target)
    np.testing.assert_array_equal(original.qpos, stale.qpos)  # how it is sensed does not change the motion
    seen = original.observe()
    np.testing.assert_allclose(seen.position, fresh.observe().position, atol=1e-12)
    np.testing.assert_allclose(seen.angular_velocity, stale.observe().angular_velocity, atol=1e-12)
    assert seen.lag[0] == 0
    data = mujoco.MjData(body.model)  # centre-of-mass velocity of the shank, one substep earlier, by MuJoCo
    data.qpos[:] = body.standing_qpos
    mujoco.mj_forward(body.model, data)
    for _ in range(5):
        data.ctrl[:] = length_controller(data.actuator_length, data.actuator_velocity, target[0], body.muscles)
        mujoco.mj_step(body.model, data)
    shank = body.entry.observed.index("tibia_r")
    velocity = np.zeros(6)
    mujoco.mj_objectVelocity(body.model, data, mujoco.mjtObj.mjOBJ_BODY, body.observed_ids[shank], velocity, 0)
    np.testing.assert_allclose(seen.linear_velocity[0, shank], velocity[3:], atol=1e-10)


def test_strength_scales_every_excitation(body):
    healthy = BatchPhysics(body, 1)
    weak = BatchPhysics(body, 1, PhysicsConfig(strength=0.7, lesions=("tibant_l",)))
    for physics in (healthy, weak):
        physics.step_excitations(np.full((1, 80), 0.5))
    cut = body.muscle_names.index("tibant_l")
    expected = np.where(np.arange(80) == cut, 0.0, 0.35)
    np.testing.assert_allclose(weak.excitation[0], expected)
    np.testing.assert_allclose(healthy.excitation[0], 0.5)
    with pytest.raises(ValueError, match=r"strength is -0\.1"):
        PhysicsConfig(strength=-0.1)


def test_lesioned_muscles_get_no_excitation(body):
    physics = BatchPhysics(body, 1, PhysicsConfig(lesions=("soleus_r", "soleus_l")))
    physics.step_excitations(np.ones((1, body.model.nu)))
    cut = [body.muscle_names.index(f"soleus_{s}") for s in "rl"]
    assert (physics.excitation[0, cut] == 0).all() and physics.excitation.sum() == body.model.nu - 2


@pytest.mark.parametrize("blow", ["state", "huge", "input"])
def test_a_simulation_that_breaks_ends_alone(body, blow, tmp_path):
    physics = BatchPhysics(body, 5, PhysicsConfig(failure_dir=tmp_path / "failures", history=3))
    calm = BatchPhysics(body, 5)
    target = targets(body, 5)
    for p in (physics, calm):
        p.step_lengths(target)
    inputs = target.copy()
    if blow == "state":
        physics.qvel[2, 7] = np.nan
    elif blow == "huge":
        physics.qvel[2, :3] = 1e12
    else:
        inputs[2, 11] = np.inf
    effort, failed = physics.step_lengths(inputs)
    calm.step_lengths(target)
    assert failed.tolist() == [False, False, True, False, False]
    assert np.isfinite(effort).all() and np.isfinite(physics.qpos).all()
    others = [0, 1, 3, 4]
    np.testing.assert_array_equal(physics.qpos[others], calm.qpos[others])
    np.testing.assert_allclose(physics.qpos[2], body.standing_qpos)
    report = physics.failures[-1]
    assert report.row == 2 and report.states.shape[0] == 2 and report.inputs.shape == (2, body.model.nu)
    (saved,) = (tmp_path / "failures").glob("*.npz")
    with np.load(saved) as archive:
        np.testing.assert_array_equal(archive["inputs"][0], target[2])
    assert not physics.step_lengths(target)[1].any()  # and goes on


def test_resetting_to_nan_is_refused(body):
    qpos, qvel, act = standing(body, 1)
    qpos[0, 9] = np.nan
    with pytest.raises(ValueError, match="simulation 0"):
        BatchPhysics(body, 1).reset(np.array([0]), qpos, qvel, act)


def test_saved_simulations_go_on_to_the_same_numbers(body):
    target = targets(body, 3)
    physics = BatchPhysics(body, 3)
    physics.step_lengths(target)
    saved = physics.get_state()
    physics.step_lengths(target)
    other = BatchPhysics(body, 3)
    other.set_state(saved)
    other.step_lengths(target)
    np.testing.assert_array_equal(physics.qpos, other.qpos)
    np.testing.assert_array_equal(physics.observe().position, other.observe().position)
    with pytest.raises(ValueError, match="same body"):
        BatchPhysics(body, 2).set_state(saved)


def test_every_body_can_be_simulated(kinesis_xml):
    for name in ("myolegs_abdomen", kinesis_xml):
        body = load_body(name)
        physics = BatchPhysics(body, 2)
        for _ in range(3):
            _, failed = physics.step_excitations(np.full((2, body.model.nu), 0.05))
        assert not failed.any() and physics.qpos[0, 2] > 0.8


@pytest.mark.parametrize("field", ["substeps", "threads", "history"])
def test_config_is_checked(field):
    with pytest.raises(ValueError, match="at least 1"):
        PhysicsConfig(**{field: 0})


def test_warnings_of_mujoco_go_to_the_log_or_to_where_a_program_sends_them(body, caplog):
    before, heard = mujoco.get_mju_user_warning(), []
    try:
        mujoco.set_mju_user_warning(heard.append)
        BatchPhysics(body, 1)
        assert mujoco.get_mju_user_warning() == heard.append
        mujoco.set_mju_user_warning(None)
        BatchPhysics(body, 1)
        mujoco.get_mju_user_warning()("too many contacts")
    finally:
        mujoco.set_mju_user_warning(before)
    assert caplog.messages == ["too many contacts"] and heard == []
