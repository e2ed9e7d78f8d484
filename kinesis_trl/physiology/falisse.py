"""One person's angles, moments, powers and muscle activity over the stride, from the public set of Falisse et al. 2019.

Their model's joints are OpenSim's: the pelvis tilts backward and the knee straightens positive there, and the pelvis is
level at 0°.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat

from kinesis_trl.physiology.emg_data import LARGEST_FILE, EmgData, EmgError
from kinesis_trl.physiology.emg_muscles import recorded_name
from kinesis_trl.physiology.gait_cycles import POINTS
from kinesis_trl.physiology.joint_angles import PELVIC_TILT
from kinesis_trl.physiology.normative import ReferenceCurve

FILE = "ExperimentalData.mat"
"""File by which the set is known."""
_MASS = 62.0  # kg, in the authors' scripts
_CURVES: dict[str, dict[str, tuple[str, float, float]]] = {
    "angle": {
        "pelvis tilt": ("pelvis_tilt", -1.0, PELVIC_TILT),
        "hip": ("hip_flexion", 1.0, PELVIC_TILT),
        "knee": ("knee_angle", -1.0, 0.0),
        "ankle": ("ankle_angle", 1.0, 0.0),
    },
    "moment": {
        "hip": ("hip_flexion", -1 / _MASS, 0.0),
        "knee": ("knee_angle", 1 / _MASS, 0.0),
        "ankle": ("ankle_angle", -1 / _MASS, 0.0),
    },
    "power": {
        "hip": ("hip_flexion", 1 / _MASS, 0.0),
        "knee": ("knee_angle", 1 / _MASS, 0.0),
        "ankle": ("ankle_angle", 1 / _MASS, 0.0),
    },
}
"""Column, factor and offset of each curve, to the unit and sign of `normative.UNITS`."""


def load_falisse2019(folder: Path) -> tuple[EmgData, tuple[ReferenceCurve, ...]]:
    """Muscle activity of 14 muscles, and mean and standard deviation over strides of the joints' curves.

    Args:
        folder: where `ExperimentalData.mat` lies.

    Raises:
        EmgError: no such file, or another one.
    """
    path = Path(folder) / FILE
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise EmgError(f"{path} is {path.stat().st_size} bytes, far more than the published file.")
        found = loadmat(path, squeeze_me=True, struct_as_record=False)["ExperimentalData"]
        tables = {"angle": found.Q.subject1.Qs, "moment": found.Torques.subject1, "power": found.Powers.subject1}
        speed = float(np.mean(_column(found.Q.subject1.Qdots.all, found.Q.subject1.Qdots.colheaders, "pelvis_tx")))
        strides, muscles = len(found.StrideLength.subject1.all), found.EMG.subject1
        name = f"Falisse 2019 (1 person, {strides} strides, {speed:.2f} m/s)"
        curves = tuple(
            _curve(kind, joint, name, tables[kind], *rule)
            for kind, joints in _CURVES.items()
            for joint, rule in joints.items()
        )
        emg = EmgData(
            source="Falisse et al. 2019, J. R. Soc. Interface 16:20190402",
            population=f"one person over ground, right leg, mean envelope of up to {strides} strides",
            muscles=tuple(recorded_name(str(title)) for title in muscles.colheaders),
            subjects=("1",),
            speeds=np.array([speed]),
            percent=np.linspace(0, 100, len(muscles.mean)),
            mean=np.array(muscles.mean, dtype=np.float64)[None, None],
        )
    except EmgError:
        raise
    except Exception as error:  # a damaged .mat raises errors of many kinds
        raise EmgError(f"{path} is not the set of Falisse et al. 2019 ({type(error).__name__}: {error}).") from error
    if not all(np.isfinite(array).all() for array in (emg.mean, *(c.mean for c in curves), *(c.sd for c in curves))):
        raise EmgError(f"{path} holds values that are not finite.")
    return emg, curves


def _column(values: Any, titles: Any, name: str) -> Any:
    """(P, S) one column of all strides (P, columns, S)."""
    return np.asarray(values, dtype=np.float64)[:, [str(t) for t in titles].index(name)]


def _curve(
    kind: Any, joint: str, population: str, table: Any, column: str, factor: float, offset: float
) -> ReferenceCurve:
    values = factor * _column(table.all, table.colheaders, column) + offset
    at, grid = np.linspace(0, 100, POINTS), np.linspace(0, 100, len(values))
    mean, sd = (np.interp(at, grid, v) for v in (values.mean(1), values.std(1, ddof=1)))
    return ReferenceCurve(kind, joint, population, mean, sd, sd_published=True)
