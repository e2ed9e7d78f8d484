"""The composed bodies: parts, frames, and errors."""

import mujoco
import numpy as np
import pytest

from kinesis_trl.body.catalog import BodyError
from kinesis_trl.body.model import load_body


@pytest.fixture(params=["myolegs", "myolegs_abdomen", "kinesis_xml"])
def any_body(request):
    name = request.param
    return load_body(request.getfixturevalue(name) if name == "kinesis_xml" else name)


def upright(body):
    data = mujoco.MjData(body.model)
    data.qpos[:] = body.standing_qpos
    mujoco.mj_forward(body.model, data)
    return data


def test_myolegs_has_the_sizes_of_the_reference_system(body):
    m = body.model
    assert (m.nq, m.nv, m.nu, m.na) == (35, 34, 80, 80)
    assert len(body.couplings.dependent_qpos) == 14
    assert len(body.independent_joints) == 14
    assert m.opt.timestep == pytest.approx(1 / 150)
    assert m.body_mass.sum() == pytest.approx(74.975, abs=1e-3)


def test_abdomen_adds_six_muscles_and_three_joints():
    body = load_body("myolegs_abdomen")
    assert body.model.nu == 86 and body.model.nq == 38
    assert {*body.muscle_groups["abdomen"], *body.muscle_groups["erector spinae"]} == set(range(6))


def test_every_body_stands_upright_facing_forward(any_body):
    data = upright(any_body)
    where = {n: data.body(n).xpos for n in (*any_body.entry.observed, *any_body.entry.tracked)}
    assert any_body.standing_qpos[2] == pytest.approx(0.947, abs=0.005)
    assert where[any_body.entry.trunk[1]][2] > 1.0 > where["tibia_r"][2] > where["talus_r"][2] > where["toes_r"][2] > 0
    for side, sign in (("r", -1), ("l", 1)):  # +y is left
        assert np.sign(where[f"femur_{side}"][1]) == sign
        assert where[f"toes_{side}"][0] - where[f"calcn_{side}"][0] > 0.1  # feet point to +x


def test_bodies_share_leg_geometry_whatever_their_source(body, kinesis_xml):
    other = load_body(kinesis_xml)
    ours, theirs = upright(body), upright(other)
    for name in body.entry.tracked[1:]:
        np.testing.assert_allclose(ours.body(name).xpos, theirs.body(name).xpos, atol=1.5e-3)
    assert body.muscle_names == other.muscle_names


def test_standing_feet_touch_the_floor_and_carry_load(body):
    assert body.lowest_foot_point(body.standing_qpos[None])[0] == pytest.approx(0.0, abs=1e-12)
    lower = body.standing_qpos.copy()
    lower[2] -= 0.005
    data = mujoco.MjData(body.model)
    data.qpos[:] = lower
    mujoco.mj_forward(body.model, data)
    touch = data.sensordata[body.touch_adr]
    assert (touch[[0, 2]] > 50).all()  # both feet press


def test_lowest_point_agrees_with_mujoco_distances(body):
    rng = np.random.default_rng(1)
    low, high = body.joint_range.T
    qpos = body.standing_qpos.copy()
    qpos[7:] = rng.uniform(low, high)
    qpos = body.couplings.apply(qpos)
    qpos[3:7] = rng.normal(size=4)
    qpos[3:7] /= np.linalg.norm(qpos[3:7])
    data = mujoco.MjData(body.model)
    data.qpos[:] = qpos
    mujoco.mj_forward(body.model, data)
    floor = body.model.geom("floor").id
    expected = min(mujoco.mj_geomDistance(body.model, data, floor, g, 10.0, None) for g in body.foot_geoms)
    assert body.lowest_foot_point(qpos[None])[0] == pytest.approx(expected, abs=1e-6)


def test_left_and_right_weigh_the_same(body):
    mass = {body.model.body(i).name: body.model.body_mass[i] for i in range(body.model.nbody)}
    for name in body.entry.observed:
        if name.endswith("_r"):
            assert mass[name] == pytest.approx(mass[name[:-2] + "_l"], rel=1e-12)


def test_groups_name_muscles_of_both_sides(body):
    names = {body.muscle_names[i] for i in body.muscle_groups["hamstrings"]}
    assert names == {f"{m}_{s}" for m in ("bflh", "bfsh", "semimem", "semiten") for s in "rl"}
    assert set(np.concatenate(list(body.muscle_groups.values()))) == set(range(80))


@pytest.mark.parametrize("wrong, says", [("myoleg", "choose one of"), ("nowhere/legs.xml", "no model file")])
def test_unknown_body_is_refused_with_the_mend(wrong, says):
    with pytest.raises(BodyError, match=says):
        load_body(wrong)


def test_xml_that_is_not_a_body_is_refused(tmp_path):
    empty = tmp_path / "empty.xml"
    empty.write_text("<mujoco><worldbody><body name='root'><freejoint/><geom size='1'/></body></worldbody></mujoco>")
    with pytest.raises(BodyError, match="has no"):
        load_body(empty)
    broken = tmp_path / "broken.xml"
    broken.write_text("<mujoco><worldbody>")
    with pytest.raises(BodyError, match="not a MuJoCo model"):
        load_body(broken)
