"""Generated joint curves beside published ones: python docs/gait_curves.py docs/gait_curves.png"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from kinesis_trl.body.leg import ANKLE, HIP, KNEE, Leg
from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.motion.gait.commands import travel
from kinesis_trl.motion.gait.footsteps import GaitStyle, plan
from kinesis_trl.motion.gait.gait_curves import JOINTS, PELVIC_TILT, WALKING, walking
from kinesis_trl.motion.gait.synthesis import FPS, synthesise

Array = NDArray[np.float64]

WALKING_SD = {"hip": 6.5, "knee": 6.5, "ankle": 6.0}
"""Standard deviation between the persons of Pinzone et al. 2014, mean over the cycle, degrees."""
PLOTTED_SPEEDS = (0.8, 1.25, 1.6)
"""Speeds in m/s at which the curves are compared."""


@dataclass(frozen=True)
class CurveComparison:
    """Joint curves over the gait cycle at one speed, in degrees, hip relative to a pelvis tilted by 12°."""

    speed: float
    """Walking speed in m/s."""
    phase: Array
    """(P,) share of the gait cycle, 0 at foot strike."""
    generated: Array
    """(C, P, 3) hip, knee and ankle in C cycles of both legs."""
    published: Array
    """(P, 3) published means, with peaks scaled to the speed."""

    @property
    def rms(self) -> Array:
        """(3,) root mean square difference of the mean generated curve, degrees."""
        return np.sqrt(np.square(self.generated.mean(0) - self.published).mean(0))

    @property
    def within(self) -> Array:
        """(3,) share of the cycle in which the mean generated curve is within two standard deviations."""
        spread = np.array([WALKING_SD[joint] for joint in JOINTS])
        return (np.abs(self.generated.mean(0) - self.published) <= 2 * spread).mean(0)


def compare_curves(body: BodyModel, speed: float) -> CurveComparison:
    """Curves of the average person walking straight at `speed` m/s; the strides of starting and stopping left out."""
    commands, style = [travel(12.0 * speed, speed)], GaitStyle()
    clip = synthesise(commands, body, style=style)
    steps = plan(commands, style)
    assert clip.qpos is not None
    phase = np.linspace(0.0, 1.0, 101)
    cycles = []
    for side, stances in steps.stances.items():
        leg = Leg.of(body, side)
        angles = np.degrees(clip.qpos[:, leg.qpos[[HIP, KNEE, ANKLE]]])
        strikes = [s.strike for s in stances][3:-2]
        for start, end in pairwise(strikes):
            at = (start + (end - start) * phase) * FPS
            cycles.append(np.stack([np.interp(at, np.arange(len(angles)), a) for a in angles.T], axis=1))
    generated = np.array(cycles) + np.array([PELVIC_TILT, 0.0, 0.0])
    return CurveComparison(speed, phase, generated, walking(phase, np.full(len(phase), speed)))


def plot_gait_curves(path: str | Path, body: BodyModel | None = None) -> list[CurveComparison]:
    """Write a picture (any format Matplotlib knows) of generated and published curves at three speeds."""
    body = body or load_body()
    comparisons = [compare_curves(body, speed) for speed in PLOTTED_SPEEDS]
    with matplotlib.rc_context({"font.size": 8}):
        figure = Figure(figsize=(10, 7.5), layout="constrained")
        axes = figure.subplots(len(comparisons), 3, sharex=True)
        for row, comparison in zip(axes, comparisons, strict=True):
            percent = 100 * comparison.phase
            for k, (axis, joint) in enumerate(zip(row, JOINTS, strict=True)):
                centre, spread = comparison.published[:, k], WALKING_SD[joint]
                axis.fill_between(percent, centre - spread, centre + spread, color="#c9d6df", label="published ± SD")
                axis.plot(percent, centre, color="#52616b", linewidth=1)
                axis.plot(
                    [*WALKING[joint]], [*WALKING[joint].values()], ".", color="#52616b", label="1.2 m/s, measured"
                )
                axis.plot(percent, comparison.generated[:, :, k].T, color="#c8553d", linewidth=0.4, alpha=0.6)
                axis.plot(percent, comparison.generated[:, :, k].mean(0), color="#c8553d", label="generated")
                axis.set_title(f"{joint}, {comparison.speed} m/s: RMS {comparison.rms[k]:.1f}°")
                axis.set_ylabel("flexion (degrees)")
        axes[0, 0].legend(loc="upper center")
        for axis in axes[-1]:
            axis.set_xlabel("gait cycle (%)")
        figure.suptitle(
            "Walking: gait generator and Pinzone 2014 (adults), peaks scaled with speed by Schwartz 2008 (children)"
        )
        figure.savefig(path, dpi=110)
    return comparisons


def main() -> None:
    """Write the picture and print how far the curves are apart."""
    comparisons = plot_gait_curves(sys.argv[1])
    table = Table("speed m/s", *(f"{joint} °" for joint in JOINTS), title="RMS difference from published curves")
    for comparison in comparisons:
        table.add_row(f"{comparison.speed:.2f}", *(f"{value:.1f}" for value in comparison.rms))
    Console().print(table)


if __name__ == "__main__":
    main()
