"""Quality reports: each measure sees what it is for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.kinematics import forward_kinematics
from kinesis_trl.motion.retarget.plausibility import Plausibility
from kinesis_trl.motion.retarget.quality import (
    DOUBTFUL,
    QualityReport,
    assess,
    check_trusted,
    doubts,
    largest_pop,
    quality_json,
    quality_markdown,
    quality_table,
    shortcomings,
    verdict,
    write_picture,
)

PLAUSIBLE = Plausibility(
    root_speed_m_s=0.3,
    root_jump_m=0.0,
    foot_jump_m=0.01,
    root_turn_rad_s=0.1,
    floor_slide_m_s=0.05,
    travel_m_s=0.3,
    feet_turn_deg=2.0,
    lean_deg=5.0,
    stretch=0.0,
    knee_back_m=0.0,
)


def measured(body: BodyModel, qpos: np.ndarray, target: np.ndarray) -> QualityReport:
    return assess(
        body,
        MotionClip(name="march", source="here", fps=30.0, qpos=qpos, notes=("unit metre",)),
        scale=1.0,
        target=target,
        stance=np.ones((len(qpos), 4), dtype=bool),
        source_slide=2.0,
        before=PLAUSIBLE,
    )


@pytest.fixture
def target(body: BodyModel, march: MotionClip) -> np.ndarray:
    assert march.qpos is not None
    return forward_kinematics(body, march.qpos, np.zeros((march.frames, body.model.nv))).body_pos


def test_a_perfect_copy_has_no_error(body: BodyModel, march: MotionClip, target: np.ndarray) -> None:
    assert march.qpos is not None
    report = measured(body, march.qpos, target)
    assert report.worst_error_mm < 1e-9
    assert report.limit_violations == 0
    assert report.penetration_mm < 1e-6
    assert report.frames == 61 and report.seconds == pytest.approx(2.0)


def test_each_fault_shows_in_its_measure(body: BodyModel, march: MotionClip, target: np.ndarray) -> None:
    assert march.qpos is not None
    lower = march.qpos.copy()
    lower[:, 2] -= 0.03
    report = measured(body, lower, target)
    assert report.mean_error_mm == pytest.approx(30.0) and report.worst_error_mm == pytest.approx(30.0)
    assert report.penetration_mm == pytest.approx(30.0, abs=1e-6)
    assert {"mean_error_mm", "penetration_mm"} <= set(shortcomings(report))
    spiked = march.qpos.copy()
    spiked[30, 7 + body.joint_names.index("hip_flexion_r")] += np.radians(20.0)
    assert measured(body, spiked, target).pop_deg == pytest.approx(20.0, abs=1.0)
    bent = march.qpos.copy()
    bent[10:13, 7 + body.joint_names.index("mtp_angle_l")] = 0.6
    assert measured(body, bent, target).limit_violations == 3


def test_a_spike_is_a_pop_and_a_cubic_is_none() -> None:
    time = np.linspace(0, 1, 40)
    smooth = np.stack([time**3 - 2 * time, 3 * time**2], axis=1)
    assert largest_pop(smooth) < 1e-12
    smooth[20, 1] += 0.1
    assert largest_pop(smooth) == pytest.approx(0.1)
    assert largest_pop(smooth[:4]) == 0.0


def test_reports_can_be_read_back_and_seen(
    body: BodyModel, march: MotionClip, target: np.ndarray, tmp_path: Path
) -> None:
    assert march.qpos is not None
    good = measured(body, march.qpos, target)
    reports = [good, replace(good, name="bad", pop_deg=9.0, slide_m_s=2.9)]
    rows = json.loads(quality_json(reports))
    assert rows[0]["name"] == "march" and rows[0]["shortcomings"] == []
    assert set(rows[1]["shortcomings"]) == {"pop_deg", "slide_m_s"}
    console = Console(width=140, record=True, quiet=False, file=(tmp_path / "out.txt").open("w"))
    console.print(quality_table(reports))
    text = console.export_text()
    assert "march" in text and "bad" in text and "9.0" in text
    write_picture(reports, tmp_path / "quality.png")
    assert (tmp_path / "quality.png").read_bytes().startswith(b"\x89PNG")


def test_a_verdict_in_words(body: BodyModel, march: MotionClip, target: np.ndarray) -> None:
    assert march.qpos is not None
    good = measured(body, march.qpos, target)
    assert verdict(good) == "good" and doubts(good) == [] and good.notes == ("unit metre",)
    check_trusted(good)
    assert verdict(replace(good, penetration_mm=12.4)) == "usable: feet sink 12 mm under the floor"
    for name, (limit, sentence) in DOUBTFUL.items():
        for value in (1.01 * limit, -1.01 * limit, float("inf"), float("nan")):
            worse = replace(good, **{name: value})
            assert doubts(worse)[0].startswith(sentence.partition("{")[0]), name
            assert verdict(worse).startswith("doubtful: ")
            with pytest.raises(ClipFormatError, match=r"march: doubtful: .*--accept"):
                check_trusted(worse)
        assert doubts(replace(good, **{name: 0.99 * limit})) == []
    belt = replace(good, floor_slide_m_s=0.3, travel_m_s=0.02)  # a slow treadmill
    assert "as on a treadmill" in verdict(belt) and shortcomings(belt) == ["floor_slide_m_s"]
    assert verdict(replace(belt, travel_m_s=0.3)) == "good"
    read_wrong = replace(good, doubts=("left leg: odd",), name="a|b", floor_slide_m_s=1.2, travel_m_s=0.0)
    assert verdict(read_wrong).startswith("doubtful: left leg: odd; the feet glide over the floor at 1.20 m/s")
    assert json.loads(quality_json([read_wrong]))[0]["verdict"] == verdict(read_wrong)
    text = quality_markdown([read_wrong], [("x|y.bvh", "x|y.bvh: is | cut")])
    assert "| a\\|b | left leg: odd;" in text and "| x\\|y.bvh | is \\| cut |" in text
