"""How good a prepared clip is: one report per clip, as JSON, table and picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.kinematics import forward_kinematics, velocities
from kinesis_trl.motion.retarget.contacts import penetration, stance_slide
from kinesis_trl.motion.retarget.plausibility import Plausibility, asymmetry, off_cubic

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class QualityReport(Plausibility):
    """What preparation made of one clip, and how plausible it was before."""

    name: str
    """Name of the clip."""
    source: str
    """File it came from."""
    seconds: float
    """Duration."""
    frames: int
    """Frames at the rate of the result."""
    scale: float
    """Leg length of the body over that of the source."""
    mean_error_mm: float
    """Distance of tracked bodies from their (scaled) targets, mean over frames and bodies."""
    worst_error_mm: float
    """The same for the worst body in the worst frame."""
    limit_violations: int
    """Joint angles, over all frames, beyond the limits of an independent joint."""
    penetration_mm: float
    """Greatest depth of a foot under the floor."""
    stance_share: float
    """Share of frames in which at least one foot part stands."""
    slide_m_s: float
    """Mean horizontal speed of standing foot parts."""
    source_slide_m_s: float
    """The same in the source, before scaling."""
    joint_speed_rad_s: float
    """Greatest speed of an independent joint."""
    pop_deg: float
    """Greatest distance of a joint from the cubic through the two frames before and after it."""
    asymmetry_deg: float
    """Greatest difference between left and right in the mean of a joint that leaves the sagittal plane."""
    notes: tuple[str, ...] = ()
    """What the reader detected or assumed, in sentences."""
    doubts: tuple[str, ...] = ()
    """What the reader doubts about the clip, in sentences."""


LIMITS: dict[str, tuple[float, str]] = {
    "mean_error_mm": (20.0, "the body misses it by {:.0f} mm on average"),
    "limit_violations": (0, "{:d} joint angles are beyond the limits"),
    "penetration_mm": (10.0, "feet sink {:.0f} mm under the floor"),
    "pop_deg": (5.0, "a joint jumps by {:.0f}°"),
    "slide_m_s": (np.inf, "standing feet slide at {:.2f} m/s"),
}
"""Largest value of a measure with which a clip is called clean, and what is said else; the slide must not exceed the
source's."""
IN_PLACE_SLIDE = 0.25
"""Speed of gliding feet in m/s above which a clip that gets nowhere is doubtful, slow treadmills included."""
DOUBTFUL: dict[str, tuple[float, str]] = {
    "mean_error_mm": (60.0, "the body misses it by {:.0f} mm on average: the skeleton was not understood"),
    "root_speed_m_s": (12.0, "the pelvis moves at {:.3g} m/s: it jumps, or lengths are in another unit (--unit)"),
    "root_jump_m": (0.08, "the pelvis jumps: {:.2f} m off its course in one frame; cut the clip there"),
    "foot_jump_m": (0.2, "a foot jumps: {:.2f} m off its course in one frame; cut the clip there"),
    "root_turn_rad_s": (30.0, "the pelvis turns at {:.0f} rad/s between two frames; cut the clip there"),
    "floor_slide_m_s": (0.5, "the feet glide over the floor at {:.2f} m/s instead of standing"),
    "asymmetry_deg": (35.0, "one leg is turned by {:.0f}° more than the other: the pelvis may be read turned"),
    "lean_deg": (25.0, "the body leans by {:.0f}° while it walks: another axis may be up (--up)"),
    "stretch": (0.25, "a thigh or shank changes its length by {:.0%}: joints in another order, or they swap"),
    "knee_back_m": (0.03, "bent knees lie {:.2f} m behind the legs: left and right are swapped, or it is mirrored"),
    "feet_turn_deg": (30.0, "the feet point {:.0f}° away from where the pelvis does: sides swapped, or read turned"),
}
"""Measures above whose value a clip is doubtful, and what is said then; 130 recorded clips of 13 sources stay below."""


def assess(
    body: BodyModel,
    clip: MotionClip,
    *,
    scale: float,
    target: Array,
    stance: NDArray[np.bool_],
    source_slide: float,
    before: Plausibility,
) -> QualityReport:
    """Measure a prepared clip of qpos (T, nq) against target positions (T, 7, 3) of the tracked bodies.

    stance (T, 4) says which foot parts stand, source_slide how fast these moved in the source (m/s), before what the
    source was like.
    """
    qpos, fps = clip.qpos, clip.fps
    assert qpos is not None
    qvel = velocities(qpos, fps, body)
    motion = forward_kinematics(body, qpos, qvel)
    error = 1e3 * np.linalg.norm(motion.body_pos - target, axis=-1)
    free = np.setdiff1d(np.arange(body.model.nq - 7), body.couplings.dependent_qpos - 7)
    joints, (low, high) = qpos[:, 7:][:, free], body.joint_range[free].T
    return QualityReport(
        **asdict(before),
        name=clip.name,
        source=clip.source,
        seconds=clip.seconds,
        frames=clip.frames,
        scale=scale,
        mean_error_mm=float(error.mean()),
        worst_error_mm=float(error.max()),
        limit_violations=int(((joints < low - 1e-9) | (joints > high + 1e-9)).sum()),
        penetration_mm=1e3 * penetration(motion.foot_height),
        stance_share=float(stance.any(1).mean()),
        slide_m_s=stance_slide(motion.body_pos[:, 3:], stance, fps),
        source_slide_m_s=source_slide,
        joint_speed_rad_s=float(np.abs(qvel[:, 6 + free]).max()),
        pop_deg=float(np.degrees(largest_pop(joints))),
        asymmetry_deg=asymmetry(body, qpos),
        notes=clip.notes,
        doubts=clip.doubts,
    )


def largest_pop(joints: Array) -> float:
    """Greatest distance of a value from the cubic through the two frames before and after it; joints (T, n)."""
    return float(np.abs(off_cubic(joints)).max(initial=0.0))


def shortcomings(report: QualityReport) -> list[str]:
    """Names of the measures by which a clip misses the targets or is doubtful."""
    limits = {name: _doubtful_above(report, name) for name in DOUBTFUL}
    limits |= {name: limit for name, (limit, _) in LIMITS.items()}
    found = [name for name, limit in limits.items() if not abs(getattr(report, name)) <= limit]
    return found + ["slide_m_s"] * (report.slide_m_s > report.source_slide_m_s + 1e-3)


def doubts(report: QualityReport) -> list[str]:
    """Why a clip should not be trusted, in sentences; empty for one that can be."""
    found = list(report.doubts)
    for name, (_, sentence) in DOUBTFUL.items():
        value = abs(getattr(report, name))
        if not value <= _doubtful_above(report, name):
            found.append(sentence.format(value))
            if name == "floor_slide_m_s":
                found[-1] += (
                    ", as on a treadmill (add the belt's speed to the root)"
                    if _in_place(report)
                    else ": the root may be in another unit than the skeleton"
                )
    return found


def _doubtful_above(report: QualityReport, name: str) -> float:
    """Value of a measure above which this clip is doubtful."""
    return IN_PLACE_SLIDE if name == "floor_slide_m_s" and _in_place(report) else DOUBTFUL[name][0]


def _in_place(report: QualityReport) -> bool:
    """Whether the pelvis stays where it is while the feet glide."""
    return report.travel_m_s < 0.3 * abs(report.floor_slide_m_s)


def verdict(report: QualityReport) -> str:
    """What to make of a clip: good, usable with these shortcomings, or doubtful for these reasons."""
    if found := doubts(report):
        return f"doubtful: {'; '.join(found)}"
    short = [LIMITS[name][1].format(getattr(report, name)) for name in shortcomings(report)]
    return f"usable: {'; '.join(short)}" if short else "good"


def check_trusted(report: QualityReport) -> None:
    """Raise ClipFormatError with the reasons for a clip that is doubtful."""
    if found := doubts(report):
        raise ClipFormatError(
            f"{report.name}: doubtful: {'; '.join(found)}. To use it as it is, prepare it with --accept."
        )


def quality_json(reports: Sequence[QualityReport]) -> str:
    """All reports as a JSON list of objects, each with a verdict and the measures by which it falls short."""
    rows = [{**asdict(r), "shortcomings": shortcomings(r), "verdict": verdict(r)} for r in reports]
    return json.dumps(rows, indent=1)


_COLUMNS = {
    "seconds": ("\ns", ".1f"),
    "mean_error_mm": ("error\nmm", ".1f"),
    "worst_error_mm": ("worst\nmm", ".0f"),
    "limit_violations": ("beyond\nlimits", "d"),
    "penetration_mm": ("sinks\nmm", ".1f"),
    "slide_m_s": ("slide\nm/s", ".3f"),
    "source_slide_m_s": ("source\nm/s", ".3f"),
    "joint_speed_rad_s": ("speed\nrad/s", ".1f"),
    "pop_deg": ("pop\n°", ".1f"),
}


def quality_table(reports: Sequence[QualityReport]) -> Table:
    """One row a clip, 80 columns suffice; what misses a target is red."""
    title = f"{len(reports)} clip{'s' * (len(reports) != 1)} prepared"
    table = Table(title=title, header_style="bold", box=SIMPLE_HEAD, padding=(0, 0, 0, 1), expand=True)
    table.add_column("\nclip", overflow="fold", ratio=1)
    for heading, _ in _COLUMNS.values():
        table.add_column(heading, justify="right", no_wrap=True, width=max(5, *map(len, heading.split("\n"))))
    for report in reports:
        bad = shortcomings(report)
        cells = [(key, format(getattr(report, key), style)) for key, (_, style) in _COLUMNS.items()]
        table.add_row(Text(report.name), *(Text(text, style="red" if key in bad else "") for key, text in cells))
    return table


def quality_markdown(reports: Sequence[QualityReport], refused: Sequence[tuple[str, str]]) -> str:
    """One Markdown row for each folder the clips came from, then what is doubtful or was refused, and why."""
    rows = [
        "| source | clips | s | mean error mm | worst clip's mean mm | beyond limits | sinks mm | slide m/s "
        "| source's slide m/s | joint speed rad/s | pop ° | clips missing a target |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    folders: dict[str, list[QualityReport]] = {}
    for report in reports:
        folders.setdefault(Path(report.source).parent.name or report.source, []).append(report)
    for folder, members in sorted(folders.items()):
        value = {key: np.array([getattr(r, key) for r in members], dtype=float) for key in _COLUMNS}
        rows.append(
            f"| {folder} | {len(members)} | {value['seconds'].sum():.0f} | {value['mean_error_mm'].mean():.1f} "
            f"| {value['mean_error_mm'].max():.1f} | {value['limit_violations'].sum():.0f} "
            f"| {value['penetration_mm'].max():.1f} | {value['slide_m_s'].mean():.3f} "
            f"| {value['source_slide_m_s'].mean():.3f} | {value['joint_speed_rad_s'].max():.1f} "
            f"| {value['pop_deg'].max():.1f} | {sum(bool(shortcomings(r)) for r in members)} |"
        )
    doubtful = [(report.name, "; ".join(found)) for report in reports if (found := doubts(report))]
    named = [(Path(name).name, reason.removeprefix(f"{name}: ")) for name, reason in refused]
    for heading, entries in (("accepted though doubtful", doubtful), ("refused", named)):
        if entries:
            rows += ["", f"| {heading} | why |", "|---|---|"]
            rows += ["| " + " | ".join(text.replace("|", "\\|") for text in entry) + " |" for entry in entries]
    return "\n".join(rows) + "\n"


def write_picture(reports: Sequence[QualityReport], path: Path) -> None:
    """Overview of a run: one dot a clip and measure, with the targets as lines."""
    panels = [
        ("mean_error_mm", "mean tracked-body error (mm)"),
        ("worst_error_mm", "worst tracked-body error (mm)"),
        ("penetration_mm", "penetration (mm)"),
        ("pop_deg", "largest pop (degrees)"),
        ("joint_speed_rad_s", "largest joint speed (rad/s)"),
    ]
    with matplotlib.rc_context({"font.size": 8}):
        figure = Figure(figsize=(11, 6.5), layout="constrained")
        axes = figure.subplots(2, 3).flat
        order = np.arange(len(reports))
        for axis, (key, title) in zip(axes, panels, strict=False):
            values = np.array([getattr(r, key) for r in reports])
            bad = np.array([key in shortcomings(r) for r in reports], dtype=bool)
            axis.scatter(order[~bad], values[~bad], s=12, color="#33658a")
            axis.scatter(order[bad], values[bad], s=16, color="#c8553d", label="misses its target")
            if key in LIMITS:
                axis.axhline(LIMITS[key][0], color="#888888", linewidth=0.8, linestyle="--")
            axis.set(title=title, xlabel="clip", ylim=(0, None))
        slide, source = (np.array([getattr(r, k) for r in reports]) for k in ("slide_m_s", "source_slide_m_s"))
        top = max(float(np.max(source, initial=0.0)), float(np.max(slide, initial=0.0)), 0.01) * 1.05
        last = figure.axes[5]
        last.plot([0, top], [0, top], color="#888888", linewidth=0.8, linestyle="--")
        last.scatter(source, slide, s=12, color="#33658a")
        last.set(title="stance slide (m/s)", xlabel="source", ylabel="prepared", xlim=(0, top), ylim=(0, top))
        figure.savefig(path, dpi=130)
