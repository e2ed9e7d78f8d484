"""What is left out of the simulated model does nothing in a simulation."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from kinesis_trl.body.lean import leave_out_unused, pair_with_floor
from kinesis_trl.body.model import load_body


@pytest.mark.parametrize("name", ["legs", "legs_abs", "legs_back"])
def test_a_second_is_the_same_to_the_last_bit(name: str) -> None:
    body = load_body(name)
    lean, whole = mujoco.MjData(body.model), mujoco.MjData(body.whole)
    generator = np.random.default_rng(0)
    lean.qpos[:] = whole.qpos[:] = body.standing_qpos
    touched = 0.0
    for _ in range(150):
        lean.ctrl[:] = whole.ctrl[:] = generator.random(body.model.nu) ** 2
        mujoco.mj_step(body.model, lean)
        mujoco.mj_step(body.whole, whole)
        touched = max(touched, float(lean.sensordata.max()))
        for what in ("qpos", "qvel", "act", "ten_length", "actuator_length", "actuator_moment", "sensordata", "xpos"):
            np.testing.assert_array_equal(getattr(lean, what), getattr(whole, what), err_msg=what)
    assert touched > 50.0  # the feet pressed on the floor meanwhile


def test_only_drawing_is_left_out() -> None:
    body = load_body()
    assert body.model.nsite < body.whole.nsite / 3 and body.model.ngeom < body.whole.ngeom / 1.9
    assert body.model.nmesh == 0 < body.whole.nmesh
    for count in ("nbody", "njnt", "nv", "nu", "ntendon", "nwrap", "nsensor", "neq"):
        assert getattr(body.model, count) == getattr(body.whole, count), count


def test_only_the_floor_and_pairs_of_limbs_are_looked_for() -> None:
    model = load_body().model
    assert not (model.geom_contype | model.geom_conaffinity).any()
    floor = model.geom("floor").id
    on_floor = (model.pair_geom1 == floor) | (model.pair_geom2 == floor)
    assert on_floor.sum() == 27 and (model.pair_dim[on_floor] == 3).all() and (~on_floor).sum() == 26


_BALLS = """
<mujoco><worldbody>
  <geom name="floor" type="plane" size="5 5 1" {floor}/>
  <body pos="0 0 0.3"><freejoint/><geom size="0.1" contype="1" conaffinity="{among}"/></body>
  <body pos="0.05 0 0.6"><freejoint/><geom size="0.1" contype="1" conaffinity="{among}"/></body>
</worldbody></mujoco>
"""


@pytest.mark.parametrize(
    ("floor", "among", "pairs"), [("", 0, 2), ("", 1, 0), ('friction="0.3 0.1 0.1"', 0, 0), ('margin="0.01"', 0, 0)]
)
def test_pairs_stand_for_the_bits_only_where_they_mean_the_same(floor: str, among: int, pairs: int) -> None:
    spec = mujoco.MjSpec.from_string(_BALLS.format(floor=floor, among=among))
    before = spec.compile()
    pair_with_floor(spec, before)
    after = spec.compile()
    assert after.npair == pairs
    data = [mujoco.MjData(before), mujoco.MjData(after)]
    for _ in range(300):
        mujoco.mj_step(before, data[0])
        mujoco.mj_step(after, data[1])
    np.testing.assert_array_equal(data[1].qpos, data[0].qpos)
    assert data[0].ncon >= 2


def test_sites_of_sensors_actuators_and_equalities_stay() -> None:
    spec = mujoco.MjSpec.from_string(
        """
        <mujoco>
          <worldbody>
            <site name="anchor"/>
            <body name="a">
              <freejoint/>
              <geom size="0.1" contype="0" conaffinity="0"/>
              <geom size="0.05" pos="0 0 1" mass="2"/>
              <site name="pulled"/><site name="felt"/><site name="tied"/><site name="idle"/>
            </body>
          </worldbody>
          <sensor><accelerometer site="felt"/></sensor>
          <actuator><motor site="pulled" gear="0 0 1 0 0 0"/></actuator>
          <equality><weld site1="tied" site2="anchor"/></equality>
        </mujoco>
        """
    )
    whole = spec.compile()
    leave_out_unused(spec, whole)
    lean = spec.compile()
    assert {lean.site(i).name for i in range(lean.nsite)} == {"anchor", "pulled", "felt", "tied"}
    assert lean.ngeom == 1
    np.testing.assert_allclose(lean.body_mass, whole.body_mass)
    np.testing.assert_allclose(lean.body_inertia, whole.body_inertia)
