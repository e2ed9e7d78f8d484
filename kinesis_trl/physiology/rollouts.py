"""Recordings in the rollout format of mm-evalkit, whose figures on gait are made by other people's code.

An archive holds one episode per recording at 100 Hz: coordinates of body and reference in radians and metres, muscle
activations, and the floor's force on both feet. mm-evalkit takes those of its own full body; what ours lacks of it
(arms, spine and their muscles) is zero.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kinesis_trl.atomic import replacing, write_text
from kinesis_trl.physiology.gait_cycles import contact_from_force
from kinesis_trl.physiology.recording import Array, Recording, RecordingError
from kinesis_trl.physiology.strides import Run

RATE = 100.0
"""Samples per second."""
INSTALL = "pip install mm-evalkit (Python 3.11 or later)"
_ROOT = "root"


def full_body_channels() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Joints and muscles of the body that mm-evalkit compares with people, in its order.

    Raises:
        ValueError: it is not installed.
    """
    try:
        from mm_evalkit.workflows.gait import channels  # noqa: PLC0415  an extra
    except ImportError as error:
        raise ValueError(f"rollouts are written for mm-evalkit, which is not installed ({error}): {INSTALL}.") from None
    return tuple(channels.joint_names_myo), tuple(channels.muscle_names_myo)


def write_rollouts(
    recordings: Sequence[Recording],
    path: Path,
    *,
    joints: Sequence[str] | None = None,
    muscles: Sequence[str] | None = None,
) -> None:
    """Write recordings as one archive (.npz), atomically.

    Args:
        recordings: one episode each; all of one body.
        path: where.
        joints: names of the joints to write, the floating one called root; None: those recorded.
        muscles: names of the muscles to write; None: those recorded.

    Raises:
        RecordingError: nothing recorded, or nothing of what was asked for.
    """
    if not recordings:
        raise RecordingError(f"{path.name}: there is no recording to write.")
    first = recordings[0]
    joints = (_ROOT, *first.coordinate_names) if joints is None else tuple(joints)
    muscles = first.muscle_names if muscles is None else tuple(muscles)
    if not set(joints) & set(first.coordinate_names) or not set(muscles) & set(first.muscle_names):
        raise RecordingError(f"{path.name}: the body recorded has none of the joints or muscles asked for.")
    arrays: dict[str, Any] = {
        "n_episodes": len(recordings),
        "dt": 1 / RATE,
        "joint_names": np.array(joints),
        "muscle_names": np.array(muscles),
        "activation_sample_phase": "pre_step",
    }
    for k, recording in enumerate(recordings):
        for name, value in _episode(recording, joints, muscles).items():
            arrays[f"episode_{k}_{name}"] = value
        arrays[f"episode_{k}_traj_id"] = k
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def export_rollouts(runs: Sequence[Run], folder: Path, joints: Sequence[str], muscles: Sequence[str]) -> Path:
    """Write an archive of each run that was played, and mm-evalkit's list of policies, which is returned."""
    lines = ["policies:"]
    for run in (run for run in runs if not run.replayed):
        archive = folder / f"{run.title.replace(' ', '_')}.npz"
        write_rollouts(run.recordings, archive, joints=joints, muscles=muscles)
        name = "".join(c if c.isalnum() else "-" for c in run.title.lower())
        path = json.dumps(str(archive.absolute()))
        lines += [f"  - id: {name}", f"    label: {json.dumps(run.title)}", f"    trajectory_data_path: {path}"]
    write_text(folder / "policies.yaml", "\n".join(lines) + "\n")
    return folder / "policies.yaml"


def _episode(recording: Recording, joints: Sequence[str], muscles: Sequence[str]) -> dict[str, Any]:
    times = np.arange(int(recording.time[-1] * RATE + 1e-6) + 1) / RATE
    moved, reference = _coordinates(recording.time, recording.qpos, times), None
    if len(recording.reference_time):
        whole = np.arange(int(recording.reference_time[-1] * RATE + 1e-6) + 1) / RATE
        reference = _coordinates(recording.reference_time, recording.reference_qpos, whole)
    stands = contact_from_force(recording.ground_force[..., 2], recording.weight, recording.rate)
    force = np.where(stands, recording.ground_force[..., 2], 0.0)
    at = np.minimum(np.round(times * recording.rate).astype(int), len(force) - 1)
    touch = np.zeros((len(times), 4))
    touch[:, [0, 2]] = force[at]  # right foot, right toes, left foot, left toes: all of a foot's force in its first
    rows = moved if reference is None else reference
    return {
        "traj_length": len(rows),
        "joint_positions": _placed(moved, recording, joints),
        "traj_qpos": _placed(rows, recording, joints),
        "muscle_activations": _picked(_linear(recording.time, recording.activation, times), recording, muscles),
        "touch_observations": touch,
    }


def _linear(time: Array, values: Array, at: Array) -> Array:
    return np.stack([np.interp(at, time, column) for column in values.T], axis=1)


def _coordinates(time: Array, qpos: Array, at: Array) -> Array:
    """Coordinates (T, nq) at other times; quaternions between neighbours by their normalised mean."""
    flips = np.cumprod(np.where((qpos[1:, 3:7] * qpos[:-1, 3:7]).sum(1) < 0, -1.0, 1.0))
    steady = qpos.copy()
    steady[1:, 3:7] *= flips[:, None]
    found = _linear(time, steady, at)
    found[:, 3:7] /= np.linalg.norm(found[:, 3:7], axis=1, keepdims=True)
    return found


def _placed(qpos: Array, recording: Recording, joints: Sequence[str]) -> Array:
    """Coordinates with the seven of the root where it is named, and the joints by name; zero where there is none."""
    known = {name: 7 + k for k, name in enumerate(recording.coordinate_names)}
    columns: list[Array] = []
    for name in joints:
        if name == _ROOT:
            columns += list(qpos[:, :7].T)
        else:
            columns.append(qpos[:, known[name]] if name in known else np.zeros(len(qpos)))
    return np.stack(columns, axis=1)


def _picked(activation: Array, recording: Recording, muscles: Sequence[str]) -> Array:
    known = {name: k for k, name in enumerate(recording.muscle_names)}
    return np.stack([activation[:, known[m]] if m in known else np.zeros(len(activation)) for m in muscles], axis=1)
