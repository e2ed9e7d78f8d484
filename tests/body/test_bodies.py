"""All bodies of the catalogue: parts, names, symmetry where it holds, trunk muscles, and what is refused."""

import mujoco
import numpy as np
import pytest

from kinesis_trl.body.catalog import CATALOG, BodyError, entry_for
from kinesis_trl.body.coordination import coupled
from kinesis_trl.body.model import load_body
from kinesis_trl.body.moment_arms import crosses
from kinesis_trl.body.physics import BatchPhysics

UNEVEN = {"myolegs_back": {"LTpT_T12_r", "LTpT_T12_l"}}
"""Muscles whose paths the package does not mirror exactly."""

UNEQUAL = {"myolegs_abdomen": {f"{stem}_{side}" for stem in ("ercspn", "intobl", "extobl") for side in "rl"}}
"""Muscles whose strength or fibre lengths differ between the sides, by up to a fifth."""


@pytest.fixture(scope="module", params=["legs", "legs_abs", "legs_back"])
def each(request):
    return load_body(request.param)


def test_muscles_and_groups(each):
    assert each.model.nu == {"myolegs": 80, "myolegs_abdomen": 86, "myolegs_back": 290}[each.name]
    grouped = set(np.concatenate(list(each.muscle_groups.values())).tolist())
    assert grouped == set(range(each.model.nu))


def test_left_and_right_are_alike_but_for_named_muscles(each):
    low, high = each.joint_range.T
    qpos = np.tile(each.standing_qpos, (10, 1))
    qpos[:, 7:] = np.random.default_rng(0).uniform(0.5 * low, 0.5 * high, (10, len(low)))
    qpos = each.couplings.apply(qpos)
    lengths = []
    for poses in (qpos, each.mirror.qpos(qpos)):
        data, found = mujoco.MjData(each.model), []
        for q in poses:
            data.qpos[:] = q
            mujoco.mj_fwdPosition(each.model, data)
            found.append(data.actuator_length.copy())
        lengths.append(np.array(found))
    apart = np.abs(lengths[1] - lengths[0][..., each.mirror.muscles]).max(0)
    uneven = {each.muscle_names[m] for m in np.flatnonzero(apart > 1e-6)}
    assert uneven == UNEVEN.get(each.name, set())
    different = np.zeros(each.model.nu, dtype=bool)
    for values in vars(each.muscles).values():
        different |= (
            np.abs(values[..., each.mirror.muscles] / np.where(values, values, 1.0) - np.where(values, 1, 0)) > 1e-9
        )
    assert {each.muscle_names[m] for m in np.flatnonzero(different)} == UNEQUAL.get(each.name, set())


def test_the_trunk_is_one_problem_and_each_leg_another(each):
    groups = coupled(crosses(each))
    sides = [{each.muscle_names[m][-1] for m in muscles} for muscles, _ in groups]
    trunk = each.name != "myolegs"
    assert len(groups) == 2 + trunk
    assert sides == [{"r", "l"}] * trunk + [{"r"}, {"l"}]


def test_it_falls_but_stays_finite(each):
    physics = BatchPhysics(each, 1)
    for _ in range(15):
        _, failed = physics.step_excitations(np.full((1, each.model.nu), 0.02))
        assert not failed.any()
    assert np.abs(physics.qpos - each.couplings.apply(physics.qpos)).max() < 0.05


def test_names_that_are_no_bodies_and_models_without_feet_are_refused(tmp_path):
    with pytest.raises(BodyError, match=r"unknown body 'torso'; choose one of .*legs_back"):
        entry_for("torso")
    with pytest.raises(BodyError, match="no model file"):
        load_body(tmp_path / "gone.xml")
    path = tmp_path / "footless.xml"
    path.write_text("<mujoco><worldbody><body name='root'><freejoint/><geom size='.1'/></body></worldbody></mujoco>")
    with pytest.raises(BodyError, match=r"the model has no \[.*'calcn_r', 'toes_r'"):
        load_body(path)
    assert set(CATALOG) == {"myolegs", "myolegs_abdomen", "myolegs_back"}
