"""Observation terms: invariances, parity with the original's arrays, and what every declaration promises."""

from dataclasses import fields, replace
from types import SimpleNamespace

import mujoco
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from kinesis_trl.body.fatigue import FatigueConfig
from kinesis_trl.body.model import load_body
from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.config import ImitationConfig, ObservationConfig
from kinesis_trl.envs.geometry import about_z, multiply
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.envs.layout import Layout
from kinesis_trl.envs.scene import Scene, Tracked
from kinesis_trl.envs.terms.observations import OBSERVATIONS
from kinesis_trl.envs.terms.rewards import CalmConfig, RewardConfig
from kinesis_trl.motion.library import MotionLibrary

BODY = ("root_height", "root_tilt", "body_pos", "body_rot", "body_linvel", "body_angvel")
TASK = ("position_error", "velocity_error", "reference_position", "later_references", "turn_to_reference")


def rotate(quat, vector):
    """Rotate `vector` (…, 3) by the unit quaternion `quat` (…, 4) wxyz; shapes broadcast."""
    w, xyz = quat[..., :1], quat[..., 1:]
    xyz, vector = torch.broadcast_tensors(xyz, vector)
    twice = 2 * torch.linalg.cross(xyz, vector)
    return vector + w * twice + torch.linalg.cross(xyz, twice)


def random_quat(n, seed=0):
    return torch.from_numpy(Rotation.random(n, rng=np.random.default_rng(seed)).as_quat(scalar_first=True))


def scene(position, quaternion, linear, angular, /, **ahead):
    none = torch.zeros(len(position), 0)
    state = Tracked(position, quaternion, linear, angular, none, none, position[:, :7], linear[:, :7])
    return Scene(state, None, slice(None), none, SimpleNamespace(**ahead))


def random_bodies(n=20, bodies=16, seed=3):
    rng = np.random.default_rng(seed)
    position, linear, angular = (torch.from_numpy(rng.normal(size=(n, bodies, 3))) for _ in range(3))
    return position, random_quat(n * bodies, seed).reshape(n, bodies, 4), linear, angular


def test_turning_and_moving_the_world_changes_nothing():
    position, quat, linear, angular = random_bodies()
    ref_pos, ref_vel = torch.randn(2, len(position), 7, 3, dtype=torch.float64)
    later, root = (torch.randn(len(position), *shape, dtype=torch.float64) for shape in ((2, 7, 3), (3,)))
    turn = about_z(torch.rand(len(position), dtype=torch.float64) * 6)[:, None]
    shift = torch.tensor([3.0, -7.0, 0.0], dtype=torch.float64)
    one = scene(position, quat, linear, angular, position=ref_pos, velocity=ref_vel, later=later, root_turn=root)
    two = scene(
        rotate(turn, position) + shift,
        multiply(turn.expand_as(quat), quat),
        rotate(turn, linear),
        rotate(turn, angular),
        position=rotate(turn, ref_pos) + shift,
        velocity=rotate(turn, ref_vel),
        later=rotate(turn[:, None], later) + shift,
        root_turn=rotate(turn[:, 0], root),
    )
    for name in BODY + TASK:
        values = [OBSERVATIONS[name].compute(seen) for seen in (one, two)]
        np.testing.assert_allclose(*values, atol=1e-10, err_msg=name)


def test_reference_ahead_and_to_the_left():
    zero = torch.zeros(1, 1, 3, dtype=torch.float64)
    quat = about_z(torch.tensor([[np.pi / 2]], dtype=torch.float64))  # looks along +y
    ref = torch.tensor([[[-1.0, 2.0, 0.5]]], dtype=torch.float64)
    seen = OBSERVATIONS["reference_position"].compute(scene(zero, quat, zero, zero, position=ref))
    np.testing.assert_allclose(seen, [[2.0, 1.0, 0.5]], atol=1e-12)


@pytest.mark.parametrize(
    "term, key",
    [
        ("root_height", "selfobs_root_h_obs"),
        ("body_pos", "selfobs_local_body_pos"),
        ("body_rot", "selfobs_local_body_rot_obs"),
        ("body_linvel", "selfobs_local_body_vel"),
        ("body_angvel", "selfobs_local_body_ang_vel"),
    ],
)
def test_what_is_seen_of_the_body_is_the_originals(shared, term, key):
    with np.load(shared / "golden" / "kinesis_reference.npz") as golden:
        arrays = (golden[k] for k in ("body_pos", "body_quat_wxyz", "body_linvel", "body_angvel"))
        ours = OBSERVATIONS[term].compute(scene(*(torch.from_numpy(a) for a in arrays)))
        np.testing.assert_allclose(ours, golden[key], atol=1e-9)


@pytest.fixture(scope="module")
def mirrored(body, march):
    """An environment in whose two rows a clip and its mirror image are followed, with every term, after two steps."""
    from kinesis_trl.body.residuals import ResidualConfig
    from kinesis_trl.motion.solving import SolveConfig

    short = march.with_(qpos=march.qpos[:16])
    reflected = short.with_(qpos=body.mirror.qpos(short.qpos), name="mirrored")
    library = MotionLibrary.build([short, reflected], body, inverse=SolveConfig(residuals=ResidualConfig(rounds=1)))
    everything = ObservationConfig(terms=tuple(OBSERVATIONS), reference_steps=(2, 5))
    calm = CalmConfig(**{f.name: 1.0 for f in fields(CalmConfig)})
    rewards = RewardConfig(far_weight=1.0, orientation_weight=1.0, survival=1.0, calm=calm)
    config = ImitationConfig(num_envs=2, observation=everything, control="coordinated", reward=rewards)
    env = ImitationEnv(body, library, replace(config, start="beginning"))
    env.assign([0, 1])
    td = env.reset()
    for _ in range(2):
        action = torch.linspace(-0.1, 0.1, env.control.width)
        td = env.step(td.set("action", torch.stack([action, env.control.mirror(action)])))["next"]
    return env, td


@pytest.mark.parametrize("name", OBSERVATIONS)
def test_every_term_mirrors_as_it_says(mirrored, body, name):
    env, td = mirrored
    term = OBSERVATIONS[name]
    index, sign = term.mirror(body, 2)
    place = env.layout.places[name]
    one, two = td["observation"].double()[:, place]
    assert len(index) == len(sign) == len(one)
    np.testing.assert_allclose(
        torch.from_numpy(sign) * one[torch.from_numpy(index)], two, atol=3e-4 * (1 + one.abs().max()), err_msg=name
    )


def test_what_the_feet_feel_carries_the_body(body, library):
    env = ImitationEnv(body, library, ImitationConfig(num_envs=2, start="beginning"))
    td = env.reset()
    felt = []
    for _ in range(12):
        td = env.step(td.set("action", env.reference_action()))["next"]
        felt.append(td["observation"][:, env.layout.places["foot_touch"]])
    felt = torch.stack(felt)
    assert felt.shape == (12, 2, 4) and (felt >= 0).all()
    assert 0.3 < felt.sum(-1).mean() / env.anatomy.weight < 1.5  # newtons


def test_muscles_that_tire_are_observed_as_they_are(body, library):
    seen = ObservationConfig().plus("muscle_fatigue")
    for condition, share in ((None, 0.0), (FatigueConfig(fatigued=(0.25,)), 0.25)):
        physics = PhysicsConfig(condition=condition)
        env = ImitationEnv(body, library, ImitationConfig(num_envs=2, observation=seen, physics=physics))
        found = env.reset()["observation"][:, env.layout.places["muscle_fatigue"]]
        np.testing.assert_allclose(found, np.full((2, 80), share), atol=1e-6)


def test_every_reward_looks_alike_in_the_mirror(mirrored):
    env, td = mirrored
    names = [name for name in env.metric_names if name != "clip"]
    assert len(names) == 20
    for name in names:
        one, two = td["metrics"][:, env.metric_names.index(name)].tolist()
        assert one == pytest.approx(two, rel=1e-3, abs=1e-5), name


def test_a_term_of_ones_own_is_observed_mirrored_and_described(body, library):
    from kinesis_trl.envs.described import as_described, describe
    from kinesis_trl.envs.symmetry import signs
    from kinesis_trl.envs.terms.observations import term

    try:

        @term(signs(1, -1))
        def root_speed(scene):
            """Velocity of the root, heading frame: (R, 2) m/s."""
            return scene.in_heading(scene.state.linear_velocity[:, :1])[:, :2]

        config = ImitationConfig(num_envs=2, observation=ObservationConfig().plus("root_speed"))
        env = ImitationEnv(body, library, config)
        assert env.reset()["observation"].shape == (2, 311) and env.layout.places["root_speed"] == slice(309, 311)
        assert env.sample_mirror().observation.sign[309:].tolist() == [1.0, -1.0]
        assert as_described(ImitationConfig(num_envs=2), describe(config)) == config
        assert "| `root_speed` | 309–310 |" in env.layout.table()
    finally:
        OBSERVATIONS.pop("root_speed")


def test_unknown_and_repeated_terms_are_refused(body):
    with pytest.raises(ValueError, match="no observation term 'root_hight'; choose of root_height"):
        Layout(body, ObservationConfig(terms=("root_hight",)))
    with pytest.raises(ValueError, match="once"):
        ObservationConfig(terms=("root_height", "root_height"))
    with pytest.raises(ValueError, match="later_references"):
        ObservationConfig(reference_steps=(2,))


def test_a_body_of_another_size_sees_what_its_kind_would_see(body):
    small = load_body("legs:height=1.5,mass=60")
    factor, rng = small.height / body.height, np.random.default_rng(0)
    qpos, qvel = body.standing_qpos.copy(), 0.3 * rng.normal(size=body.model.nv)
    qpos[2] += 0.1
    qpos[7:] += 0.1 * rng.normal(size=len(qpos) - 7)
    terms = (*BODY, "muscle_length", "muscle_velocity")
    seen = []
    for one, scale in ((body, 1.0), (small, factor)):
        slides = one.model.jnt_qposadr[one.model.jnt_type == mujoco.mjtJoint.mjJNT_SLIDE]
        q, v = one.couplings.apply(qpos), qvel.copy()
        q[:3] *= scale
        q[slides] = one.couplings.apply(q)[slides]
        v[:3] *= scale
        v[slides - 1] *= scale
        physics = BatchPhysics(one, 1)
        physics.reset(np.array([0]), q[None], v[None], np.zeros((1, one.model.nu)))
        state = Tracked.of(physics.observe(), torch.from_numpy(one.tracked_in_observed))
        layout = Layout(one, ObservationConfig(terms=terms))
        seen.append(layout.compose(Scene(state, physics, slice(None), torch.zeros(0), SimpleNamespace())))
    torch.testing.assert_close(seen[1], seen[0], atol=1e-4, rtol=1e-4)
