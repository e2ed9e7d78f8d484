"""What is left out of the simulated model does nothing in a simulation."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from kinesis_trl.body.lean import leave_out_unused
from kinesis_trl.body.model import load_body


@pytest.mark.parametrize("name", ["myolegs", "myolegs_abdomen"])
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
