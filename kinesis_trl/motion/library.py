"""MotionLibrary: all reference clips in flat arrays, memory-mapped; one gather serves every environment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinesis_trl.body.inverse import InverseSolution
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.categories import categorise
from kinesis_trl.motion.clip import FPS, ClipFormatError, MotionClip
from kinesis_trl.motion.kinematics import forward_kinematics, velocities
from kinesis_trl.motion.library_files import (
    FEEDBACK,
    INVERSE,
    LARGEST,
    MOTION,
    SOLVED,
    ClipEntry,
    read_library,
    write_library,
)
from kinesis_trl.motion.solving import SolveConfig, try_motions

__all__ = ["FPS", "INVERSE", "ClipEntry", "MotionLibrary"]


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
        unsolved (F, K, 6): like `track`, of the clips before inverse solutions made them consistent (smoothed, with
            feet that carry and less unsuppliable force at the root); the same without inverse solutions.
        unsolved_qpos (F, nq): like `qpos`, of the same.
        feedback: None, or (F, J, D) gains for each frame of optimised clips (see `envs.regulator`), float32.
        start (C,), frames (C,): first frame and number of frames of each clip, int64.
    """

    def __init__(self, body_name: str, clips: Sequence[ClipEntry], arrays: dict[str, NDArray[Any]]) -> None:
        """Wrap arrays that `build` made or `load` mapped; both check them."""
        self.body_name = body_name
        self.clips = tuple(clips)
        self.qpos, self.qvel, self.track, self.muscle_length = (torch.from_numpy(arrays[k]) for k in MOTION)
        solved = all(k in arrays for k in INVERSE)
        self.inverse = {k: torch.from_numpy(arrays[k]) for k in INVERSE} if solved else None
        self.unsolved = torch.from_numpy(arrays["unsolved"]) if "unsolved" in arrays else self.track
        self.unsolved_qpos = torch.from_numpy(arrays["unsolved_qpos"]) if "unsolved_qpos" in arrays else self.qpos
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
        on_refused: Callable[[str, str], None] | None = None,
    ) -> MotionLibrary:
        """From prepared clips: qpos at 30 frames/s in the coordinates of `body`.

        Args:
            clips: the clips.
            body: their body.
            inverse: also solve static optimisation; the references are then the motions that its solutions belong
                to: smoothed, with feet that carry and less unsuppliable force at the root.
            workers: processes that solve (see `solving.solve_motions`).
            on_solved: called with (clips solved, clips in all), first with 0.
            on_refused: called with name and reason of a clip that has no solution, which is then left out.

        Raises:
            ClipFormatError: no clip, a clip without qpos, of another body or of another frame rate; without
                `on_refused`, a clip that has no solution.
        """
        entries: list[ClipEntry] = []
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in (SOLVED if inverse else MOTION)}
        start = 0
        seen: dict[str, int] = {}
        given = list(clips)
        motions = [_checked_qpos(clip, body) for clip in given]
        solutions = try_motions(body, motions, FPS, inverse, workers=workers) if inverse is not None else motions
        if inverse is not None and on_solved is not None:
            on_solved(0, len(given))
        for done, (clip, found) in enumerate(zip(given, solutions, strict=True), start=1):
            try:
                arrays = _arrays_of(body, clip, found)
            except ClipFormatError as error:
                if on_refused is None:
                    raise
                on_refused(clip.name, str(error))
                continue
            finally:
                if on_solved is not None and inverse is not None:
                    on_solved(done, len(given))
            for name, array in arrays.items():
                parts[name].append(array)
            seen[clip.name] = seen.get(clip.name, 0) + 1
            entries.append(
                ClipEntry(
                    name=clip.name if seen[clip.name] == 1 else f"{clip.name}#{seen[clip.name]}",
                    start=start,
                    frames=len(arrays["qpos"]),
                    label=clip.label,
                    category=categorise(clip),
                    source=clip.source,
                    licence=clip.licence,
                )
            )
            start += entries[-1].frames
        if not entries:
            raise ClipFormatError("no clip to build a motion library from; name at least one motion file.")
        return cls(body.name, entries, {name: np.concatenate(chunks) for name, chunks in parts.items()})

    def save(self, folder: Path) -> None:
        """Write to `folder`; see `library_files.write_library`."""
        write_library(folder, self.body_name, self.clips, self._arrays())

    @classmethod
    def load(cls, folder: Path, body: BodyModel) -> MotionLibrary:
        """Map a saved library into memory, with everything in it checked; see `library_files.read_library`."""
        return cls(body.name, *read_library(folder, body))

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
            if array.shape != expected or name not in mine | FEEDBACK:
                raise ValueError(f"cannot put an array of shape {array.shape} for {name}; expected {expected}.")
            mine[name] = array.astype((SOLVED | FEEDBACK)[name])
        return MotionLibrary(self.body_name, self.clips, mine)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        held: dict[str, Tensor] = {name: getattr(self, name) for name in MOTION}
        if self.inverse is not None:
            held |= {**self.inverse, "unsolved": self.unsolved, "unsolved_qpos": self.unsolved_qpos}
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

    def tracked(self, clip: Tensor, time: Tensor, *, unsolved: bool = False) -> tuple[Tensor, Tensor]:
        """Tracked bodies at `time` (…,) seconds in clips (…,): positions and velocities (…, K, 3), world frame.

        Of the reference, or, where `unsolved`, of the clip before its inverse solution made it consistent.

        Between frames positions follow the cubic Hermite polynomial through both frames' positions and
        velocities, and velocities the straight line; before the start and after the end the clip stands still
        at its first and last frame.
        """
        track = (self.unsolved if unsolved else self.track).numpy()
        clips, seconds = clip.expand(time.shape).numpy().reshape(-1), time.numpy().reshape(-1)
        found = torch.from_numpy(_between(track, self.start.numpy(), self.frames.numpy(), clips, seconds))
        position, velocity = found.view(2, *time.shape, *track.shape[1:2], 3)
        return position, velocity


@numba.njit(nogil=True, cache=True)
def _between(track, start, frames, clip, time):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Positions and velocities (2, N, K, 3) at `time` (N,) seconds in clips (N,); see `MotionLibrary.tracked`."""
    out = np.empty((2, len(clip), track.shape[1], 3))
    for n in range(len(clip)):
        last, exact = frames[clip[n]] - 1, time[n] * FPS
        low = min(max(np.floor(exact), 0.0), last - 1.0)
        s = min(max(exact - low, 0.0), 1.0)
        before, after = track[start[clip[n]] + int(low)], track[start[clip[n]] + int(low) + 1]
        # Hermite basis, with the velocities' share written so that it vanishes at both frames
        u = 1 - s
        moved, rate = s * s * (3 - 2 * s), s * u / FPS
        still = exact < 0 or exact > last
        for k in range(track.shape[1]):
            for j in range(3):
                p0, p1, v0, v1 = before[k, j], after[k, j], before[k, 3 + j], after[k, 3 + j]
                out[0, n, k, j] = p0 + moved * (p1 - p0) + rate * (u * v0 - s * v1)
                out[1, n, k, j] = 0.0 if still else v0 + s * (v1 - v0)
    return out


def motion_arrays(body: BodyModel, qpos: NDArray[np.float64], name: str) -> dict[str, NDArray[Any]]:
    """The arrays `MOTION` of coordinates (T, nq) at 30 frames/s; raises ClipFormatError for absurd speeds."""
    qvel = velocities(qpos, FPS, body)
    if not (np.abs(qvel) <= LARGEST).all():
        raise ClipFormatError(f"{name}: moves by more than {LARGEST:g} a second, as no motion does.")
    motion = forward_kinematics(body, qpos, qvel)
    track = np.concatenate([motion.body_pos, motion.body_vel], axis=-1)
    return {"qpos": qpos, "qvel": qvel, "track": track, "muscle_length": motion.muscle_length.astype(np.float32)}


def _arrays_of(
    body: BodyModel, clip: MotionClip, found: NDArray[np.float64] | InverseSolution | ClipFormatError
) -> dict[str, NDArray[Any]]:
    """Arrays of one clip, of its coordinates or of what static optimisation found for them."""
    if isinstance(found, ClipFormatError):
        raise ClipFormatError(f"{clip.name}: {found}")
    if not isinstance(found, InverseSolution):
        return motion_arrays(body, found, clip.name)
    given = np.asarray(clip.qpos, dtype=np.float64)
    return {
        **motion_arrays(body, found.qpos, clip.name),
        **{name: getattr(found, name).astype(kind) for name, kind in INVERSE.items()},
        "unsolved_qpos": given,
        "unsolved": motion_arrays(body, given, clip.name)["track"],
    }


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
    if not (np.abs(clip.qpos) <= LARGEST).all():
        raise ClipFormatError(f"{clip.name} has coordinates beyond {LARGEST:g}, as no motion has; prepare it again.")
    return np.ascontiguousarray(clip.qpos, dtype=np.float64)
