"""The gait generator: feet, distances, turns, symmetry, limits, flight."""

from dataclasses import replace
from functools import cache

import mujoco
import numpy as np
import pytest

from kinesis_trl.body.model import load_body
from kinesis_trl.motion.gait.commands import CommandError, circle, stand, travel, turn_in_place
from kinesis_trl.motion.gait.footsteps import GaitStyle
from kinesis_trl.motion.gait.synthesis import FPS, synthesise
from kinesis_trl.motion.kinematics import velocities
from kinesis_trl.motion.retarget.quality import largest_pop

MOTIONS = {
    "slow": [travel(1.2, 0.35)],
    "walk": [travel(4.0, 1.2)],
    "fast": [travel(6.0, 1.8)],
    "backward": [travel(1.6, 0.6, direction=np.pi)],
    "left": [travel(1.0, 0.3, direction=np.pi / 2)],
    "diagonal": [travel(1.2, 0.4, direction=-np.pi / 4)],
    "turn": [turn_in_place(-np.pi / 2)],
    "bend": [travel(1.0, 0.9), travel(1.3, 0.8, angle=np.pi / 2), travel(1.0, 0.9)],
    "circle": [circle(0.8, 0.8)],
    "run": [travel(7.0, 2.5, gait="run")],
    "stop and go": [travel(1.5, 1.0), stand(0.5), travel(1.5, 1.0)],
}


@cache
def _qpos(name):
    return synthesise(MOTIONS[name], load_body()).qpos


def _angles(body, qpos):
    free = np.setdiff1d(np.arange(body.model.nq - 7), body.couplings.dependent_qpos - 7)
    return qpos[:, 7:][:, free], body.joint_range[free].T


def _heading(qpos):
    w, x, y, z = qpos[:, 3:7].T
    return np.unwrap(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y**2 + z**2)))


def _foot_balls(body, qpos):
    """World positions (T, B, 3) of the lowest points of both feet's capsule ends, and where they are next frame."""
    model, data = body.model, mujoco.MjData(body.model)
    geoms = [g for g in body.foot_geoms if model.geom_type[g] == mujoco.mjtGeom.mjGEOM_CAPSULE]
    size = model.geom_size[geoms]
    position, rotation = [], []
    for q in qpos:
        data.qpos[:] = q
        mujoco.mj_kinematics(model, data)
        position.append(data.geom_xpos[geoms].copy())
        rotation.append(data.geom_xmat[geoms].reshape(-1, 3, 3).copy())
    place, turn = np.array(position), np.array(rotation)
    now, later = [], []
    for end in (1.0, -1.0):
        low = place + end * size[:, 1, None] * turn[..., 2] - size[:, :1] * np.array([0.0, 0.0, 1.0])
        own = np.einsum("tgji,tgj->tgi", turn, low - place)
        now.append(low)
        later.append(place[1:] + np.einsum("tgij,tgj->tgi", turn[1:], own[:-1]))
    return np.concatenate(now, axis=1), np.concatenate(later, axis=1)


@pytest.mark.parametrize("name", MOTIONS)
def test_what_touches_the_floor_stands_still_and_does_not_sink(body, name):
    low, later = _foot_balls(body, _qpos(name))
    assert low[..., 2].min() > -0.005
    touching = (low[:-1, :, 2] < 1e-3) & (low[1:, :, 2] < 1e-3)
    moved = np.linalg.norm((later - low[:-1])[..., :2], axis=-1)
    assert touching.any()
    assert moved[touching].max() < 0.001


@pytest.mark.parametrize("name", [n for n in MOTIONS if n not in ("run",)])
def test_walking_never_loses_the_floor(body, name):
    low, _ = _foot_balls(body, _qpos(name))
    assert low[..., 2].min(1).max() < 0.002


@pytest.mark.parametrize("name", MOTIONS)
def test_joints_stay_within_limits_and_move_smoothly(body, name):
    qpos = _qpos(name)
    angles, (low, high) = _angles(body, qpos)
    assert np.all(angles >= low - 1e-9) and np.all(angles <= high + 1e-9)
    assert np.array_equal(qpos, body.couplings.apply(qpos))
    assert np.degrees(largest_pop(angles)) < (8.0 if name == "run" else 5.5)
    speed = np.abs(velocities(qpos, FPS, body)[:, 6:]).max()
    assert speed < (18.0 if name == "run" else 10.0)
    acceleration = np.abs(np.diff(qpos[:, :3], n=2, axis=0)).max(0) * FPS**2
    assert acceleration[:2].max() < 5.0
    assert acceleration[2] < 20.0


@pytest.mark.parametrize("name", MOTIONS)
def test_clips_begin_and_end_standing(body, name):
    qpos = _qpos(name)
    assert np.allclose(qpos[0, :2], 0.0)
    for end in (qpos[:6], qpos[-6:]):
        assert np.abs(np.diff(end, axis=0)).max() * FPS < 0.25
        assert np.abs(end[:, 2] - body.standing_qpos[2]).max() < 0.01
    low, _ = _foot_balls(body, qpos[[0, -1]])
    assert np.all(low[:, low.shape[1] // 2 :, 2].min(1) < 1e-3)


@pytest.mark.parametrize("name", ["slow", "walk", "fast", "backward", "left", "diagonal", "run"])
def test_distance_is_speed_times_time(name):
    command = MOTIONS[name][0]
    gone = _qpos(name)[-1, :2] - _qpos(name)[0, :2]
    wanted = command.distance * np.array([np.cos(command.direction), np.sin(command.direction)])
    assert np.linalg.norm(gone - wanted) < 0.06


@pytest.mark.parametrize("name", ["turn", "bend", "circle"])
def test_turn_is_as_commanded(name):
    heading = _heading(_qpos(name))
    assert heading[-1] - heading[0] == pytest.approx(sum(c.angle for c in MOTIONS[name]), abs=np.radians(2.0))


def test_a_circle_closes_and_has_its_radius():
    path = _qpos("circle")[:, :2]
    assert np.linalg.norm(path[-1] - path[0]) < 0.1
    assert path[:, 1].max() == pytest.approx(1.6, abs=0.15)


@pytest.mark.parametrize("name", ["walk", "turn", "left", "bend", "run"])
def test_mirrored_commands_give_mirrored_coordinates(body, name):
    style = GaitStyle.sample(np.random.default_rng(5))
    qpos = synthesise(MOTIONS[name], body, style=style).qpos
    commands = [replace(c, direction=-c.direction, turn_rate=-c.turn_rate) for c in MOTIONS[name]]
    other = synthesise(commands, body, style=replace(style, lead="l" if style.lead == "r" else "r")).qpos
    assert np.allclose(body.mirror.qpos(qpos), other, atol=1e-5)


def test_the_same_style_repeats_and_another_differs(body):
    first, again, other = (
        synthesise(MOTIONS["turn"], body, style=GaitStyle.sample(np.random.default_rng(seed))).qpos
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.allclose(first, other)


def test_running_flies_as_a_thrown_body_does(body):
    qpos = _qpos("run")
    low, _ = _foot_balls(body, qpos)
    flying = low[..., 2].min(1) > 0.004
    assert flying.sum() >= 10
    model, data, height = body.model, mujoco.MjData(body.model), []
    for q in qpos:
        data.qpos[:] = q
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        height.append(data.subtree_com[1, 2])
    fall = np.diff(height, n=2) * FPS**2
    inside = flying[:-2] & flying[1:-1] & flying[2:]
    assert fall[inside].mean() == pytest.approx(-9.81, abs=3.0)


def test_walking_has_no_flight_and_a_plausible_rise(body):
    height = _qpos("walk")[60:120, 2]
    assert 0.015 < np.ptp(height) < 0.06


def test_the_original_model_walks_too(kinesis_xml):
    body = load_body(kinesis_xml)
    qpos = synthesise(MOTIONS["walk"], body).qpos
    assert body.lowest_foot_point(qpos[::5]).min() > -0.005


def test_impossible_requests_are_refused(body):
    with pytest.raises(CommandError, match="no command"):
        synthesise([], body)
    with pytest.raises(CommandError, match="at most 600 s"):
        synthesise([stand(100.0)] * 7, body)
