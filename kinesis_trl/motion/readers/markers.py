"""Marker trajectories (.trc, .c3d) to joints, by inverse kinematics on a body of the person's size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.kinematics import joint_clip
from kinesis_trl.motion.markers.treadmill import belt_velocity, feet, over_ground
from kinesis_trl.motion.readers.conventions import check_frames, up_rotation
from kinesis_trl.motion.readers.registry import MotionFile, ReadOptions, reader

MARKERS = (".c3d", ".trc")
"""Endings of marker files."""
_FAR = 0.03


@reader("markers of a known set", *MARKERS)
def read_marked(file: MotionFile, options: ReadOptions) -> list[MotionClip]:
    """Places in mm, cm, metres or inches, any axis up, as pelvis and feet tell; times in seconds.

    Size and placement of the markers are found from the motion itself; a treadmill's belt is taken off.
    """
    # here: they stand on modules of this package, which is loaded with all its readers
    from kinesis_trl.motion.markers.labelled import labelled, read_markers  # noqa: PLC0415
    from kinesis_trl.motion.markers.person import person_of_markers  # noqa: PLC0415

    content = read_markers(file.path)
    markers = content.markers
    if markers is not None:
        check_frames(len(markers.position))
        position = markers.position if options.up is None else markers.position @ up_rotation(options.up).T
        if options.unit is not None:
            position, markers = position * options.unit, replace(markers, unit="m")
        markers = replace(markers, position=position, rate=options.fps or markers.rate)
    marked = labelled(markers)
    found = person_of_markers(marked, "myolegs")
    body, rate = found.body(), marked.markers.rate
    qpos = found.fit.qpos
    belt = belt_velocity(qpos, *feet(body, qpos), rate)
    qpos = over_ground(qpos, marked.markers.time, belt)
    apart = float(np.sqrt(np.nanmean(np.square(found.fit.distance))))
    notes = [*content.problems, *marked.notes, *marked.problems, *found.notes, *found.problems]
    notes.append(f"person of {body.height:.2f} m, markers {1000 * apart:.0f} mm from the body")
    if belt.any():
        notes.append(f"treadmill of {np.linalg.norm(belt):.2f} m/s, added as if over the ground")
    doubt = f"markers lie {1000 * apart:.0f} mm from the body (usual: up to 15); check their labels"
    return [
        joint_clip(body, qpos, fps=rate, name=file.path.stem).with_(
            notes=tuple(notes), doubts=(doubt,) if apart > _FAR else ()
        )
    ]
