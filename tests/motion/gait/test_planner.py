"""The live planner: hand-overs between orders, horizons, standing, inverse solutions."""

import numpy as np
import pytest

from kinesis_trl.body.inverse import InverseConfig
from kinesis_trl.motion.gait.commands import Command, CommandError
from kinesis_trl.motion.gait.planner import GaitPlanner
from kinesis_trl.motion.gait.steering import STOP, Reach, Travel
from kinesis_trl.motion.gait.synthesis import synthesise
from kinesis_trl.motion.kinematics import Poses, forward_kinematics, velocities
from kinesis_trl.motion.library import FPS
from kinesis_trl.motion.retarget.contacts import stance_slide
from kinesis_trl.motion.retarget.footing import FootingConfig

pytestmark = pytest.mark.slow

ORDERS = {
    "stop": STOP,
    "walk": Command(speed=1.1),
    "backward": Command(speed=0.5, direction=np.pi),
    "curve": Command(speed=0.8, turn_rate=0.7),
    "turn": Command(turn_rate=-1.2),
    "left": Travel(speed=0.8, direction=np.pi / 2),
    "right": Travel(speed=0.6, direction=-2.0),
}


def play(planner, frames, frame=0):
    """Coordinates of the next frames, and the number of the one after."""
    out = []
    for _ in range(frames):
        if planner.due(frame):
            planner.order(planner.current, frame)
        out.append(planner.qpos(frame).copy())
        frame += 1
    return out, frame


def all_pairs(names):
    """Names in an order in which each follows each other one exactly once (Hierholzer)."""
    ahead = {a: [b for b in names if b != a] for a in names}
    stack, out = [names[0]], []
    while stack:
        if ahead[stack[-1]]:
            stack.append(ahead[stack[-1]].pop())
        else:
            out.append(stack.pop())
    return out[::-1]


@pytest.fixture(scope="module")
def tour(body):
    """A walk through all pairs of orders, in random phases of the gait; and the frames of the orders."""
    planner, rng = GaitPlanner(body), np.random.default_rng(3)
    qpos, frame, given = [], 0, []
    for name in all_pairs(list(ORDERS)):
        planner.order(ORDERS[name], frame)
        given.append(frame)
        more, frame = play(planner, int(rng.integers(24, 40)), frame)
        qpos += more
    assert len(given) == len(ORDERS) * (len(ORDERS) - 1) + 1
    return np.array(qpos), np.array(given)


def test_every_hand_over_is_continuous_in_position_and_velocity(body, tour):
    qpos, given = tour
    qvel = velocities(qpos, FPS, body)
    change = np.abs(np.diff(qvel, axis=0))
    near = np.zeros(len(change), dtype=bool)
    for frame in given:
        near[frame : frame + 12] = True
    assert np.abs(np.diff(qpos[:, :3], axis=0)).max() < 0.07  # 2.1 m/s
    # the root's change of velocity per frame: 0.2 m/s is braking at 6 m/s², the legs' less than walking's own
    assert change[near, :2].max() < 0.2
    assert change[near, 2].max() < 0.45 and change[near, 3:6].max() < 0.4
    walking = synthesise([Command(seconds=6.0, speed=1.1)], body).qpos
    usual = np.abs(np.diff(velocities(walking, FPS, body), axis=0))[:, 6:].max()
    assert np.percentile(change[near, 6:].max(1), 99) < usual


def test_standing_feet_stay_where_they_are(body, tour):
    qpos, given = tour
    motion = forward_kinematics(body, qpos, velocities(qpos, FPS, body))
    feet = motion.body_pos[:, 3:]  # ankles and toes
    height = feet[:, [2, 3], 2]
    assert height.min() > -0.01
    still = feet[..., 2] < np.array([0.085, 0.085, 0.02, 0.02])
    near = np.zeros(len(qpos), dtype=bool)
    for frame in given:
        near[frame : frame + 12] = True
    slide = stance_slide(feet, still & near[:, None], FPS)
    assert slide < 1.15 * stance_slide(feet, still & ~near[:, None], FPS) + 0.02


def test_the_body_keeps_its_height(tour):
    qpos, _ = tour
    assert qpos[:, 2].min() > 0.8 and qpos[:, 2].max() < 1.0


def test_frames_already_shown_stay_as_they_are(body):
    planner = GaitPlanner(body, inverse=InverseConfig())
    planner.order(Command(speed=1.0), 10)
    assert planner.library.inverse is not None
    before = planner.library
    first = planner.first
    planner.order(STOP, 60)
    assert planner.first == 61 - 30
    shown = slice(planner.first - first, 62 - first)
    np.testing.assert_allclose(planner.library.qpos[:31], before.qpos[shown], atol=1e-9)
    for name in ("target_length", "activation", "moment_arm"):
        old, new = before.inverse[name], planner.library.inverse[name]
        np.testing.assert_array_equal(new[:31], old[shown])
    assert planner.library.inverse["activation"].min() >= 0 and planner.library.inverse["activation"].max() <= 1


def test_solved_plans_stand_on_their_feet_and_lift_them_high(body):
    planner = GaitPlanner(body, inverse=InverseConfig())
    planner.order(Travel(speed=0.9, direction=1.2), 5)
    poses = Poses.of(body)
    points = poses.foot_contact_points(poses.evaluate(planner.library.qpos.numpy()[:110]))[..., 2]
    names = [body.model.body(b).name for b in body.model.geom_bodyid[poses.foot_point_geoms]]
    height = np.stack([points[:, [n.endswith(side) for n in names]].min(1) for side in ("_r", "_l")], axis=1)
    assert height.min(1).max() < 0.006  # one foot is always down
    for side in (0, 1):
        up = height[:, side] > 0.01
        swings = np.split(height[:, side], np.flatnonzero(np.diff(up.astype(int))) + 1)
        peaks = [swing.max() for swing in swings[1:-1] if swing.max() > 0.01]
        assert len(peaks) >= 2 and min(peaks) > 0.9 * FootingConfig().clearance


def test_orders_are_carried_out(body):
    planner = GaitPlanner(body)
    planner.order(Travel(speed=0.9, direction=2.0), 0)
    qpos, frame = play(planner, 200)
    moved = np.array(qpos)[-1, :2] - np.array(qpos)[-60, :2]
    np.testing.assert_allclose(moved * FPS / 59, 0.9 * np.array([np.cos(2.0), np.sin(2.0)]), atol=0.08)
    goal = (float(qpos[-1][0]) + 1.5, float(qpos[-1][1]) + 0.5)
    planner.order(Reach(goal=goal), frame)
    qpos, frame = play(planner, 240, frame)
    assert np.hypot(*(qpos[-1][:2] - goal)) < 0.05
    assert np.abs(qpos[-1] - qpos[-30]).max() < 0.005  # stands


def test_reset_stands_where_it_is_told(body):
    planner = GaitPlanner(body)
    planner.order(Command(speed=1.0), 5)
    planner.reset((1.0, -2.0), heading=np.pi / 2)
    assert planner.first == 0 and planner.current == STOP
    np.testing.assert_allclose(planner.qpos(0)[:2], [1.0, -2.0], atol=0.01)
    np.testing.assert_allclose(planner.qpos(0)[3:7], [np.sqrt(0.5), 0, 0, np.sqrt(0.5)], atol=0.03)


def test_a_state_goes_on_to_the_same_reference(body):
    planner = GaitPlanner(body)
    planner.order(Command(speed=1.0), 5)
    saved = planner.get_state()
    planner.order(STOP, 40)
    first = planner.library.qpos.clone()
    planner.set_state(saved)
    assert planner.current == Command(speed=1.0)
    planner.order(STOP, 40)
    np.testing.assert_array_equal(planner.library.qpos, first)


def test_bad_frames(body):
    planner = GaitPlanner(body)
    with pytest.raises(CommandError, match="frame 4000 is not in the reference"):
        planner.order(STOP, 4000)
