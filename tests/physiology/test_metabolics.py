"""Metabolic power: examples worked by hand, and agreement with the body's own forces."""

from __future__ import annotations

import numpy as np
import pytest

from kinesis_trl.body.inverse import solve
from kinesis_trl.body.metabolics import Contraction, bhargava_2004, muscle_mass, power_per_activation, slow_share
from kinesis_trl.body.muscles import MuscleParameters, passive_bias
from kinesis_trl.physiology.metabolics import MODELS, MetabolicError, cost, measured_costs, umberger_2003

HALF = np.array([0.5])


def muscle(**values: float) -> Contraction:
    """One sample of a muscle of 1000 N, 0.1 m, 10 optimal lengths per second and 0.4 kg."""
    arrays = {name: np.array([[value]]) for name, value in values.items()}
    constants = {"peak_force": 1000.0, "optimal_length": 0.1, "fastest": 10.0, "mass": 0.4}
    return Contraction(**arrays, **{name: np.array([value]) for name, value in constants.items()})


def test_muscle_mass() -> None:
    # 1059.7 kg/m³ · 3000 N · 0.05 m / 600000 N/m² = 0.265 kg
    assert muscle_mass(np.array([3000.0]), np.array([0.05]))[0] == pytest.approx(0.264925)


def test_bhargava_shortening_by_hand() -> None:
    c = muscle(excitation=1 / 3, activation=0.4, length=1.25, velocity=-0.2, force=250, isometric_force=400)
    # sin 30° = 0.5, 1 − cos 30° = 0.1339746; half of each: u_s = 0.25, u_f = 0.0669873
    # Ȧ = 0.4 (40·0.25 + 133·0.0669873) = 0.4 (10 + 8.909311) = 7.563724
    # L(1.25) = 0.5: Ṁ = 0.4·0.5 (74·0.25 + 111·0.0669873) = 0.2 (18.5 + 7.435590) = 5.187118
    # α = 0.16·400 + 0.18·250 = 109 N: Ṡ = 109·0.2 = 21.8;  Ẇ = 250·0.2 = 50;  sum 84.550842 W
    assert bhargava_2004(c, HALF)[0, 0] == pytest.approx(84.550842, abs=1e-5)


def test_bhargava_lengthening_by_hand() -> None:
    same = {"excitation": 1 / 3, "activation": 0.4, "length": 1.25, "isometric_force": 400}
    # Ȧ + Ṁ = 12.750842 as above; Ṡ = −0.157·400·0.01 = −0.628; Ẇ = −400·0.01 = −4
    slow = muscle(velocity=0.01, force=400, **same)
    assert bhargava_2004(slow, HALF)[0, 0] == pytest.approx(8.122842, abs=1e-5)
    # at 0.02 m/s and 500 N: heat 12.750842 − 1.57 = 11.180842, work −10
    assert bhargava_2004(muscle(velocity=0.02, force=500, **same), HALF)[0, 0] == pytest.approx(1.180842, abs=1e-5)
    # at 0.2 m/s work takes more than heat gives: no energy flows back into the body's stores
    assert bhargava_2004(muscle(velocity=0.2, force=500, **same), HALF)[0, 0] == 0


def test_bhargava_per_activation_by_hand() -> None:
    # 1000 N, 0.1 m, 10 optimal lengths per second: 0.1766167 kg
    given = {"length_scale": 10, "length_offset": 0, "velocity_scale": 1, "peak_force": 1000, "shortest": 0.5}
    given |= {"longest": 1.6, "passive_peak": 0.1, "eccentric_peak": 1.4, "longest_tendon": 0.2}
    p = MuscleParameters(**{name: np.array([float(value)]) for name, value in given.items()})
    found = power_per_activation(p, HALF, length=np.full((4, 1), 0.1), velocity=np.array([[0], [-0.2], [0.1], [1.0]]))
    # half active, u_s = 0.5 sin 45° = 0.353553, u_f = 0.5 (1 − cos 45°) = 0.146447; at optimal length heat of
    # (40 + 74) 0.353553 + (133 + 111) 0.146447 = 76.0381 W/kg, 13.42959 W
    # shortening at 0.2 m/s: F = 500·0.8² = 320 N, α = 0.16·500 + 0.18·320 = 137.6 N: 27.52 W, work 64 W
    # lengthening at 0.1 m/s: F = 500 (1.4 − 0.3²/0.4) = 587.5 N: −9.22375 W, work −58.75 W, more than there is
    np.testing.assert_allclose(found[:, 0], [26.85918, 209.89918, 0, 0], atol=1e-3)


def test_umberger_shortening_by_hand() -> None:
    c = muscle(excitation=0.5, activation=0.3, length=0.9, velocity=-0.2, force=250, isometric_force=290)
    # A = u = 0.5, A^0.6 = 0.659754: heat of activation and maintenance (25 + 128·0.5)·0.659754 = 58.718106
    # V = −2/s, α_s = 25, α_f = 15.3: (50·0.5 + 30.6·0.5)·0.5² = 10.075
    # 0.4·1.5·(58.718106 + 10.075) = 41.275864, work 50: 91.275864 W
    assert umberger_2003(c, HALF)[0, 0] == pytest.approx(91.275864, abs=1e-4)


def test_umberger_stretched_and_lengthening_by_hand() -> None:
    c = muscle(excitation=0.2, activation=0.4, length=1.2, velocity=0.1, force=350, isometric_force=320)
    # A = (0.2 + 0.4)/2 = 0.3, A^0.6 = 0.485593; force–length 320/(0.4·1000) = 0.8
    # 89·0.485593·(0.4 + 0.6·0.8) = 38.031644;  4·25·1·0.3·0.8 = 24;  0.6·62.031644 = 37.218986;  work −35
    assert umberger_2003(c, HALF)[0, 0] == pytest.approx(2.218986, abs=1e-3)


def test_umberger_slow_fibres_have_a_limit() -> None:
    c = muscle(excitation=1, activation=1, length=1.0, velocity=-0.8, force=0, isometric_force=1000)
    # V = −8/s: slow 25·8 = 200, cut to 100; 0.4·1.5·(25 + 100) = 75 W for a muscle of slow fibres only
    assert umberger_2003(c, np.array([1.0]))[0, 0] == pytest.approx(75)


@pytest.mark.parametrize("model", MODELS.values())
def test_resting_muscle_makes_least_heat(model) -> None:
    c = muscle(excitation=0, activation=0, length=1.1, velocity=-0.3, force=0, isometric_force=0)
    assert model(c, HALF)[0, 0] == pytest.approx(0.4)  # 1 W/kg


def test_contraction_has_the_bodys_forces(body, march) -> None:
    solution = solve(body, march.qpos[:20], march.fps)
    a = solution.activation
    c = Contraction.of(
        body.muscles, excitation=a, activation=a, length=solution.muscle_length, velocity=solution.muscle_velocity
    )
    active = -(solution.muscle_force - passive_bias(solution.muscle_length, body.muscles))
    np.testing.assert_allclose(c.force, active, atol=1e-6)
    np.testing.assert_allclose(c.fastest, body.model.actuator_gainprm[:, 6])
    assert ((c.force <= c.isometric_force + 1e-9) | (solution.muscle_velocity > 0)).all()
    mass = muscle_mass(c.peak_force, c.optimal_length).sum()
    assert 13 < mass < 20  # two legs of a person of 75 kg: about 15 kg (Handsfield et al. 2014)
    for model in MODELS.values():
        power = model(c, slow_share(body.muscle_names))
        assert np.isfinite(power).all() and (power >= 0).all()


def test_cost_by_hand() -> None:
    found = cost(np.array([100.0, 35.0]), speed=1.2, body_mass=70.0)
    # net 135/70 = 1.928571 W/kg over 1.2 m/s
    assert found["net_transport"] == pytest.approx(1.928571 / 1.2, abs=1e-5)
    assert found["rate"] == pytest.approx(1.928571 + 1.2, abs=1e-5)
    assert found["transport"] == pytest.approx(found["rate"] / 1.2)


def test_bad_input_of_cost() -> None:
    with pytest.raises(MetabolicError, match=r"0\.0 m/s"):
        cost(np.ones(2), speed=0.0, body_mass=70)
    with pytest.raises(MetabolicError, match="one mean for each muscle"):
        cost(np.ones((3, 2)), speed=1, body_mass=70)
    with pytest.raises(MetabolicError, match="finite"):
        cost(np.full(2, np.nan), speed=1, body_mass=70)


def test_shipped_tables(body) -> None:
    share = dict(zip(body.muscle_names, slow_share(body.muscle_names), strict=True))
    assert share["soleus_l"] > 0.8 > share["tibant_r"] > share["recfem_l"]
    assert share["piri_l"] == 0.5
    walking = [m for m in measured_costs() if m["kind"] == "gross J/kg/m" and m["activity"] == "walking"]
    assert walking[0]["value"] == pytest.approx(88 * 4184 / 80 / 1600, abs=0.01)
