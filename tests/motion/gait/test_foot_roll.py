"""Rolling feet touch the floor and do not slide."""

import numpy as np
import pytest

from kinesis_trl.body.leg import MTP, Leg, LegPose
from kinesis_trl.motion.gait.foot_roll import HEEL_LIMIT, TOE_LIMIT, FootRoll, Sole


def _feet(body, side, angle):
    """Leg poses with only calcaneus and toes filled in, in the footprint's frame."""
    leg = Leg(body, side)
    position, rotation, toes = FootRoll.of(body, leg).at(angle)
    joints = np.zeros((len(angle), 7))
    joints[:, MTP] = toes
    pose = leg.forward(joints)
    turn = rotation @ np.swapaxes(pose.rotation[:, 3], 1, 2)
    out = LegPose(pose.position.copy(), pose.rotation.copy(), [])
    for segment in (3, 4):
        arm = pose.position[:, segment] - pose.position[:, 3]
        out.position[:, segment] = position + np.einsum("tij,tj->ti", turn, arm)
        out.rotation[:, segment] = turn @ pose.rotation[:, segment]
    return leg, out


@pytest.mark.parametrize("side", ["r", "l"])
def test_the_lowest_point_stays_on_the_floor(body, side):
    leg, pose = _feet(body, side, np.linspace(TOE_LIMIT + 0.05, HEEL_LIMIT - 0.05, 100))
    assert np.abs(Sole.of(body, leg).height(pose)).max() < 2e-4


@pytest.mark.parametrize("angles", [np.radians([3.0, 25.0]), np.radians([-3.0, -70.0])])
def test_what_touches_the_floor_is_at_rest(body, angles):
    _, pose = _feet(body, "r", np.linspace(*angles, 400))
    sole = Sole.of(body, Leg(body, "r"))
    for segment, centre, radius in zip((3, 4), sole.centre, sole.radius, strict=True):
        place, turn = pose.position[:, segment], pose.rotation[:, segment]
        low = place[:, None] + np.einsum("tij,bj->tbi", turn, centre) - radius[:, None] * np.array([0.0, 0.0, 1.0])
        own = np.einsum("tji,tbj->tbi", turn, low - place[:, None])
        after = place[1:, None] + np.einsum("tij,tbj->tbi", turn[1:], own[:-1])
        moved = np.linalg.norm((after - low[:-1])[..., :2], axis=-1)
        touching = low[:-1, :, 2] < 2e-5
        assert not touching.any() or moved[touching].max() < 2e-4


def test_toes_bend_back_and_the_heel_rises(body):
    roll = FootRoll.of(body, Leg(body, "l"))
    position, _, toes = roll.at(np.radians([0.0, -20.0, -50.0]))
    assert np.all(np.diff(position[:, 2]) > 0.02)
    assert toes[0] == pytest.approx(0.0) and toes[2] < toes[1] < -0.1
