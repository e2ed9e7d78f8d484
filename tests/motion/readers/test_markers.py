"""Marker files as motions to train on."""

from __future__ import annotations

import numpy as np
import pytest

from kinesis_trl.body.model import load_body
from kinesis_trl.motion.gait.language import text_to_clip
from kinesis_trl.motion.markers.model import MarkerModel
from kinesis_trl.motion.markers.sets import marker_sets, place_markers
from kinesis_trl.motion.readers.dispatch import read_confined
from kinesis_trl.motion.readers.registry import ReadOptions
from kinesis_trl.motion.retarget.onto_body import retarget

LABELS = [pattern.format(side=s) for pattern in marker_sets()["plug-in gait"] for s in "RL"]


@pytest.fixture(scope="module")
def written(body, tmp_path_factory):
    """A second of generated walking as a .trc file, and its coordinates."""
    qpos = np.array(text_to_clip("walk forward for 3 meters", body, 1).qpos[20:50])
    places = place_markers(list(dict.fromkeys(LABELS)))[1]
    model = MarkerModel(body, places)
    seen = 1000 * model.evaluate(qpos, np.ones(5), model.home).position @ np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    names = "\t\t\t".join(place.label for place in places)
    head = ["PathFileType\t4", "DataRate\tNumFrames\tUnits", "30\t30\tmm", f"Frame#\tTime\t{names}", ""]
    rows = [f"{k + 1}\t{k / 30:.6f}\t" + "\t".join(f"{v:.3f}" for v in row.ravel()) for k, row in enumerate(seen)]
    path = tmp_path_factory.mktemp("markers") / "walk.trc"
    path.write_text("\n".join([*head, *rows]))
    return path, qpos


def test_markers_become_the_motion_that_made_them(body, written):
    path, qpos = written
    clip = read_confined(path).clips[0]
    assert clip.name == "walk" and clip.fps == 30 and not clip.doubts
    assert "marker set: plug-in gait" in clip.notes
    fitted, quality = retarget(clip, load_body())
    assert quality.mean_error_mm < 15
    for joint in ("hip_flexion", "knee_angle"):
        k = 7 + body.joint_names.index(f"{joint}_r")
        assert np.degrees(np.abs(fitted.qpos[:, k] - qpos[:, k]).mean()) < 6, joint


def test_what_the_user_says_of_the_file_counts(written):
    clip = read_confined(written[0], ReadOptions(fps=60.0)).clips[0]
    assert clip.fps == 60
    wrong = read_confined(written[0], ReadOptions(unit=1.0)).clips[0]
    assert "lengths are taken as mm" in " ".join(wrong.notes)
