"""What walking costs: metabolic power of muscles by two phenomenological models, and figures of people beside it.

`body.metabolics.bhargava_2004`, and Umberger, Gerritsen and Martin 2003, Comput. Methods Biomech. Biomed. Engin. 6:99,
with the same revision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.metabolics import Contraction, bhargava_2004, total_power
from kinesis_trl.facts import read_facts

Array = NDArray[np.float64]


class MetabolicError(ValueError):
    """A cost that cannot be computed; the message says what was found and what was expected."""


RESTING_RATE = 1.2
"""Metabolic rate of the whole body apart from the muscles modelled, in W/kg of body mass (Umberger et al. 2003)."""
AEROBIC = 1.5
"""Umberger's factor on heat for sustained, aerobic work (1 for anaerobic)."""


def umberger_2003(c: Contraction, slow: Array) -> Array:
    """Metabolic power (T, M) in W; slow (M,) is the share r of slow-twitch fibres.

    With A = u where u > a and (u + a)/2 elsewhere, aerobic factor S, velocity V in optimal lengths per second:
    activation and maintenance heat m (25 + 128 (1 − r)) A^0.6 S, shortening heat m A² S (min(100, −α_s V) r − α_f V
    (1 − r)) with α_f = 153/V_max and α_s = 250/V_max, lengthening heat m 4 α_s V A S, work −F v. Beyond optimal length
    60 % of the first and all of the second and third scale with the isometric force–length relation.
    """
    drive = np.where(c.excitation > c.activation, c.excitation, 0.5 * (c.excitation + c.activation))
    with np.errstate(divide="ignore", invalid="ignore"):
        relation = np.where(c.activation > 0, c.isometric_force / (c.activation * c.peak_force), 1.0)
    stretched = np.where(c.length > 1, relation, 1.0)
    velocity = c.velocity / c.optimal_length
    fast_heat, slow_heat = 153 / c.fastest, 250 / c.fastest
    shortening = np.minimum(100, -slow_heat * velocity) * slow - fast_heat * velocity * (1 - slow)
    steady = (25 + 128 * (1 - slow)) * drive**0.6 * (0.4 + 0.6 * stretched)
    moving = np.where(velocity <= 0, shortening * drive**2, 4 * slow_heat * velocity * drive) * stretched
    return total_power(c.mass * AEROBIC * (steady + moving), c)


MODELS: Mapping[str, Callable[[Contraction, Array], Array]] = {
    "Bhargava 2004": bhargava_2004,
    "Umberger 2003": umberger_2003,
}
"""The models by name."""


def cost(power: Array, *, speed: float, body_mass: float) -> dict[str, float]:
    """Figures of mean metabolic power (M,) in W of every muscle, while `body_mass` kg walk at `speed` m/s.

    Returns:
        Gross metabolic `rate` in W per kg of body mass, gross cost of `transport` in J/kg/m, and without the resting
        rate `net_transport`.

    Raises:
        MetabolicError: another shape, numbers that are not finite, or no speed.
    """
    if power.ndim != 1 or not np.isfinite(power).all():
        raise MetabolicError(
            f"metabolic power of shape {power.shape}; expected one mean for each muscle, all finite: leave out the "
            "stretch in which the simulation broke."
        )
    if not (speed > 0 and body_mass > 0):
        raise MetabolicError(f"{body_mass} kg at {speed} m/s; a cost per metre needs both to be positive.")
    net = float(power.sum()) / body_mass
    rate = net + RESTING_RATE
    return {"rate": rate, "transport": rate / speed, "net_transport": net / speed}


def measured_costs() -> list[dict[str, Any]]:
    """Measured figures to be shown beside a model's: activity, speed in m/s and sd (None where not stated), kind (unit,
    and whether the resting rate is included), value, population and source."""
    return [
        {
            **{name: row[name] for name in ("activity", "kind", "population", "source")},
            "speed": float(row["speed_m_s"]) if row["speed_m_s"] else None,
            "value": float(row["value"]),
            "sd": float(row["sd"]) if row["sd"] else None,
        }
        for row in read_facts("metabolic_cost")
    ]
