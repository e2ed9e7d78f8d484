"""MotionLibrary: all reference clips in flat arrays, memory-mapped; one gather serves every environment."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.categories import categorise
from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.kinematics import Kinematics, forward_kinematics, velocities
from kinesis_trl.motion.solving import SolveConfig, solve_motions

FPS = 30.0
"""Frame rate of every clip in a library."""
_VERSION = 3
_ARRAYS = {"qpos": "<f8", "qvel": "<f8", "track": "<f8", "muscle_length": "<f4"}
INVERSE = {"target_length": "<f4", "activation": "<f4", "moment_arm": "<f2"}
"""What static optimisation gives a library, and how it is kept."""
_SOLVED = _ARRAYS | INVERSE | {"prepared": "<f8", "prepared_qpos": "<f8"}
_FEEDBACK = {"feedback": "<f4"}


@dataclass(frozen=True, kw_only=True)
class ClipEntry:
    """Where one clip lies in the flat arrays, and what it is."""

    name: str
    """Name, unique in the library."""
    start: int
    """First frame in the flat arrays."""
    frames: int
    """Number of frames."""
    label: str = ""
    """What the motion shows, in words."""
    category: str = ""
    """Group for tables and learning curves."""
    source: str = ""
    """File or data set it came from."""
    licence: str = ""
    """Terms the source states."""


class MotionLibrary:
    """References for one body at 30 frames/s.

    Attributes:
        body_name: the body whose coordinates these are.
        clips: one entry per clip.
        qpos (F, nq), qvel (F, nv): coordinates and velocities of all frames, float64.
        track (F, K, 6): world position (m) and velocity (m/s) of the tracked bodies, float64.
        muscle_length (F, M): muscle–tendon lengths in metres, float32.
        inverse: None, or what static optimisation found: `target_length` (F, M) in metres and `activation` (F, M),
            float32, and `moment_arm` (F, M, J), change of length per change of independent joint in m/rad, float16.
        prepared (F, K, 6): like `track`, of the clips before they were made fit to be followed; the same without
            inverse solutions.
        prepared_qpos (F, nq): like `qpos`, of the same.
        feedback: None, or (F, J, D) gains for each frame of rehearsed clips (see `envs.regulator`), float32.
        start (C,), frames (C,): first frame and number of frames of each clip, int64.
    """

    def __init__(self, body_name: str, clips: Sequence[ClipEntry], arrays: dict[str, NDArray[Any]]) -> None:
        """Wrap arrays that `build` made or `load` mapped; both check them."""
        self.body_name = body_name
        self.clips = tuple(clips)
        self.qpos, self.qvel, self.track, self.muscle_length = (torch.from_numpy(arrays[k]) for k in _ARRAYS)
        solved = all(k in arrays for k in INVERSE)
        self.inverse = {k: torch.from_numpy(arrays[k]) for k in INVERSE} if solved else None
        self.prepared = torch.from_numpy(arrays["prepared"]) if "prepared" in arrays else self.track
        self.prepared_qpos = torch.from_numpy(arrays["prepared_qpos"]) if "prepared_qpos" in arrays else self.qpos
        self.feedback = torch.from_numpy(arrays["feedback"]) if "feedback" in arrays else None
        self.start = torch.tensor([c.start for c in clips], dtype=torch.int64)
        self.frames = torch.tensor([c.frames for c in clips], dtype=torch.int64)

    def __len__(self) -> int:
        """Number of clips."""
        return len(self.clips)

    @property
    def duration(self) -> Tensor:
        """(C,) seconds from the first to the last frame of each clip, float64."""
        return (self.frames - 1).double() / FPS

    @classmethod
    def build(
        cls,
        clips: Iterable[MotionClip],
        body: BodyModel,
        *,
        inverse: SolveConfig | None = None,
        workers: int = 1,
        on_solved: Callable[[int, int], None] | None = None,
    ) -> MotionLibrary:
        """From prepared clips: qpos at 30 frames/s in the coordinates of `body`.

        Args:
            clips: the clips.
            body: their body.
            inverse: also solve static optimisation; the references are then the motions that its solutions belong
                to: smoothed, with feet that carry and less unsuppliable force at the root.
            workers: processes that solve (see `solving.solve_motions`).
            on_solved: called with (clips solved, clips in all), first with 0.

        Raises:
            ClipFormatError: no clip, a clip without qpos, of another body or of another frame rate.
        """
        entries: list[ClipEntry] = []
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in (_SOLVED if inverse else _ARRAYS)}
        start = 0
        seen: dict[str, int] = {}
        given = list(clips)
        motions = [_checked_qpos(clip, body) for clip in given]
        solutions = solve_motions(body, motions, FPS, inverse, workers=workers) if inverse is not None else None
        if solutions is not None and on_solved is not None:
            on_solved(0, len(given))
        for done, (clip, qpos) in enumerate(zip(given, motions, strict=True), start=1):
            if solutions is not None:
                parts["prepared_qpos"].append(qpos)
                parts["prepared"].append(_track(forward_kinematics(body, qpos, velocities(qpos, FPS, body))))
                solution = next(solutions)
                qpos = solution.qpos  # noqa: PLW2901  the motion that its solutions belong to
                for name, kind in INVERSE.items():
                    parts[name].append(getattr(solution, name).astype(kind))
                if on_solved is not None:
                    on_solved(done, len(given))
            qvel = velocities(qpos, FPS, body)
            motion = forward_kinematics(body, qpos, qvel)
            parts["qpos"].append(qpos)
            parts["qvel"].append(qvel)
            parts["track"].append(_track(motion))
            parts["muscle_length"].append(motion.muscle_length.astype(np.float32))
            seen[clip.name] = seen.get(clip.name, 0) + 1
            name = clip.name if seen[clip.name] == 1 else f"{clip.name}#{seen[clip.name]}"
            entries.append(
                ClipEntry(
                    name=name,
                    start=start,
                    frames=len(qpos),
                    label=clip.label,
                    category=categorise(clip),
                    source=clip.source,
                    licence=clip.licence,
                )
            )
            start += len(qpos)
        if not entries:
            raise ClipFormatError("no clip to build a motion library from; name at least one motion file.")
        arrays = {name: np.concatenate(chunks) for name, chunks in parts.items()}
        return cls(body.name, entries, arrays)

    def save(self, folder: Path) -> None:
        """Write to `folder`, created or replaced as a whole; a reader never sees half of it.

        Raises:
            ClipFormatError: there is a folder with something else in it, which must not be lost.
        """
        folder = Path(folder)
        if folder.is_dir() and any(folder.iterdir()) and not (folder / "library.json").exists():
            raise ClipFormatError(f"{folder} is not empty and no motion library; give a new folder.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            for name, array in self._arrays().items():
                np.save(staging / f"{name}.npy", array)
            header = {
                "version": _VERSION,
                "inverse": self.inverse is not None,
                "feedback": self.feedback is not None,
                "body": self.body_name,
                "fps": FPS,
                "clips": [asdict(c) for c in self.clips],
            }
            (staging / "library.json").write_text(json.dumps(header, indent=1))
            staging.chmod(0o755)
            if folder.is_dir():
                retired = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
                os.replace(folder, retired / "library")
                os.replace(staging, folder)
                shutil.rmtree(retired, ignore_errors=True)
            else:
                os.replace(staging, folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    @classmethod
    def load(cls, folder: Path, body: BodyModel) -> MotionLibrary:
        """Map a saved library into memory; frames are read from disk as they are used.

        Raises:
            ClipFormatError: not a library, of another body or version, or damaged.
        """
        folder = Path(folder)
        try:
            header = json.loads((folder / "library.json").read_text(encoding="utf-8"))
            entries = [ClipEntry(**c) for c in header["clips"]]
            version, name, fps = header["version"], header["body"], header["fps"]
            kinds = (_SOLVED if header["inverse"] else _ARRAYS) | (_FEEDBACK if header.get("feedback") else {})
        except FileNotFoundError as error:
            raise ClipFormatError(f"{folder} holds no library.json; make one with kinesis prepare.") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ClipFormatError(f"{folder / 'library.json'} is damaged ({error}); prepare it again.") from error
        if version != _VERSION or fps != FPS:
            raise ClipFormatError(
                f"{folder} has version {version} at {fps} frames/s, expected {_VERSION} at {FPS}; prepare it again."
            )
        if name != body.name:
            raise ClipFormatError(f"{folder} was of body {name!r}, not {body.name!r}; pass --body {name}.")
        model, joints = body.model, len(body.independent_joints)
        freedoms = len(body.couplings.independent_dofs(model.nv))
        width = {
            "qpos": (model.nq,),
            "qvel": (model.nv,),
            "track": (len(body.tracked_ids), 6),
            "muscle_length": (model.nu,),
            "target_length": (model.nu,),
            "activation": (model.nu,),
            "moment_arm": (model.nu, joints),
            "prepared": (len(body.tracked_ids), 6),
            "prepared_qpos": (model.nq,),
            "feedback": (joints, 2 * freedoms + joints),
        }
        total = sum(c.frames for c in entries)
        starts = np.cumsum([0] + [c.frames for c in entries]).tolist()
        contiguous = all(c.frames >= 2 and c.start == start for c, start in zip(entries, starts, strict=False))
        arrays = {}
        for key, kind in kinds.items():
            try:  # copy-on-write: torch needs writable memory, and the file must stay as it is
                array = np.load(folder / f"{key}.npy", mmap_mode="c", allow_pickle=False)
            except (OSError, ValueError, EOFError) as error:
                raise ClipFormatError(f"{folder / key}.npy is damaged ({error}); prepare it again.") from error
            shape = (total, *width[key])
            if array.shape != shape or array.dtype != np.dtype(kind) or not contiguous or not total:
                found, expected = f"{array.shape} {array.dtype}", f"{shape} {kind}"
                raise ClipFormatError(f"{folder / key}.npy has {found}, expected {expected}; prepare it again.")
            arrays[key] = array
        return cls(name, entries, arrays)

    def subset(self, indices: Sequence[int]) -> MotionLibrary:
        """Library of some of the clips, in the order given, with its own copy of their frames."""
        chosen = [self.clips[i] for i in indices]
        if not chosen:
            raise ClipFormatError("no clip to build a motion library from; choose at least one.")
        rows = np.concatenate([np.arange(c.start, c.start + c.frames) for c in chosen])
        starts = np.cumsum([0] + [c.frames for c in chosen])
        clips = [replace(c, start=int(start)) for c, start in zip(chosen, starts, strict=False)]
        return MotionLibrary(self.body_name, clips, {name: array[rows] for name, array in self._arrays().items()})

    @classmethod
    def joined(cls, libraries: Sequence[MotionLibrary]) -> MotionLibrary:
        """All clips of libraries of the same body, one after another."""
        entries = [clip for library in libraries for clip in library.clips]
        starts = np.cumsum([0] + [clip.frames for clip in entries]).tolist()
        arrays = [library._arrays() for library in libraries]
        return cls(
            libraries[0].body_name,
            [replace(clip, start=start) for clip, start in zip(entries, starts, strict=False)],
            {name: np.concatenate([a[name] for a in arrays]) for name in arrays[0]},
        )

    def replaced(self, **arrays: NDArray[Any]) -> MotionLibrary:
        """The same clips with other arrays in the place of some, by their names as attributes or in `inverse`.

        Raises:
            ValueError: an array that this library cannot have, or of another shape.
        """
        mine = self._arrays()
        for name, array in arrays.items():
            expected = mine[name].shape if name in mine else (len(self.qpos), *array.shape[1:])
            if array.shape != expected or name not in mine | _FEEDBACK:
                raise ValueError(f"cannot put an array of shape {array.shape} for {name}; expected {expected}.")
            mine[name] = array.astype((_SOLVED | _FEEDBACK)[name])
        return MotionLibrary(self.body_name, self.clips, mine)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        held: dict[str, Tensor] = {name: getattr(self, name) for name in _ARRAYS}
        if self.inverse is not None:
            held |= {**self.inverse, "prepared": self.prepared, "prepared_qpos": self.prepared_qpos}
        if self.feedback is not None:
            held["feedback"] = self.feedback
        return {name: tensor.numpy() for name, tensor in held.items()}

    def frame_index(self, clip: Tensor, time: Tensor) -> Tensor:
        """Row in the flat arrays of the frame nearest to `time` (N,) seconds in clips (N,); held at both ends."""
        frame = torch.clamp((time * FPS).round().long(), min=0)
        return self.start[clip] + torch.minimum(frame, self.frames[clip] - 1)

    def root_rotation(self, clip: Tensor, time: Tensor) -> Tensor:
        """Orientation of the root (…, 4), wxyz, world frame, at the frame nearest to `time` (…,) in clips (…,)."""
        return self.qpos[self.frame_index(clip, time)][..., 3:7]

    def tracked(self, clip: Tensor, time: Tensor, *, prepared: bool = False) -> tuple[Tensor, Tensor]:
        """Tracked bodies at `time` (…,) seconds in clips (…,): positions and velocities (…, K, 3), world frame.

        Of the reference, or, where `prepared`, of the clip before it was made fit to be followed.

        Between frames positions follow the cubic Hermite polynomial through both frames' positions and
        velocities, and velocities the straight line; before the start and after the end the clip stands still
        at its first and last frame.
        """
        last = (self.frames[clip] - 1).double()
        exact = time.double() * FPS
        low = torch.minimum(exact.floor().clamp(min=0.0), last - 1)
        s = (exact - low).clamp(0.0, 1.0)[..., None, None]
        index = self.start[clip] + low.long()
        track = self.prepared if prepared else self.track
        before, after = track[torch.stack([index, index + 1])]
        p0, v0 = before.split(3, dim=-1)
        p1, v1 = after.split(3, dim=-1)
        # Hermite basis, with the velocities' share written so that it vanishes at both frames
        u = 1 - s
        moved = s * s * (3 - 2 * s)
        position = p0 + moved * (p1 - p0) + (s * u / FPS) * (u * v0 - s * v1)
        outside = ((exact < 0) | (exact > last))[..., None, None]
        velocity = (v0 + s * (v1 - v0)).masked_fill(outside, 0.0)
        return position, velocity


def _track(motion: Kinematics) -> NDArray[np.float64]:
    """Positions and velocities (T, K, 6) of the tracked bodies."""
    return np.concatenate([motion.body_pos, motion.body_vel], axis=-1)


def _checked_qpos(clip: MotionClip, body: BodyModel) -> NDArray[np.float64]:
    if clip.qpos is None:
        raise ClipFormatError(f"{clip.name} holds joint positions, not qpos; prepare it first (kinesis prepare).")
    if clip.qpos.shape[1] != body.model.nq:
        raise ClipFormatError(
            f"{clip.name} has {clip.qpos.shape[1]} coordinates, body {body.name} has {body.model.nq}; "
            "prepare the clip for this body."
        )
    if abs(clip.fps - FPS) > 1e-9:
        raise ClipFormatError(f"{clip.name} has {clip.fps} frames/s, a library needs {FPS}; prepare it first.")
    return np.ascontiguousarray(clip.qpos, dtype=np.float64)
