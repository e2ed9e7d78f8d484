"""The one way that motions come in: files → clips → onto the body → made consistent and solved → library.

Each file is read in a process of its own under limits (`confined`). Whatever is wrong with a file, a motion in it or
its solution leaves that one out, with the reason, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.library import FPS, MotionLibrary
from kinesis_trl.motion.readers.conventions import MAX_CLIP_FRAMES
from kinesis_trl.motion.readers.dispatch import SUFFIXES, motion_files, read_confined
from kinesis_trl.motion.readers.registry import ReadOptions
from kinesis_trl.motion.readers.splits import canonical_key, read_keys
from kinesis_trl.motion.retarget.onto_body import retarget
from kinesis_trl.motion.retarget.quality import QualityReport, check_trusted
from kinesis_trl.motion.retarget.smpl_model import SmplModel
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.processes import WorkerDiedError, every_part

_SHARE_BYTES = 1 << 20
_body = lru_cache(maxsize=1)(load_body)
_smpl_model = lru_cache(maxsize=1)(SmplModel.load)


@lru_cache(maxsize=1)
def _wanted(path: Path) -> frozenset[str]:
    return frozenset(map(canonical_key, read_keys(path)))


class Refused(NamedTuple):
    """A file or clip that could not be used."""

    name: str
    """Path, or path and name of the clip."""
    reason: str
    """What was found, and what mends it."""


@dataclass(frozen=True, kw_only=True)
class IngestConfig:
    """What a user says about motion files."""

    fps: float | None = None
    """Frames per second, where they do not say or say it wrong."""
    up: str | None = None
    """Up axis, instead of the detected one."""
    unit: float | None = None
    """Metres per unit of length, instead of the detected one."""
    smpl_model: Path | None = None
    """SMPL_NEUTRAL.pkl of the user, to use the body shape of SMPL motions."""
    keys: Path | None = None
    """List of clip names, one a line; only these are taken."""
    accept: bool = False
    """Whether doubtful motions are taken as they are, instead of refused with the reason."""


@dataclass
class Ingested:
    """What became of motion files."""

    clips: list[tuple[MotionClip, QualityReport]] = field(default_factory=list)
    """Clips on the body at 30 frames/s, in the order of the files, with their reports."""
    refused: list[Refused] = field(default_factory=list)
    """What was left out."""


@dataclass(frozen=True)
class _Part:
    """Some of the clips of one file: those with index ≡ share (mod shares)."""

    path: Path
    share: int
    shares: int


def ingest(
    sources: Iterable[str | Path],
    body: BodyModel,
    config: IngestConfig | None = None,
    *,
    workers: int = 1,
    on_part: Callable[[int, int], None] | None = None,
) -> Ingested:
    """Read motion files, folders and patterns, and bring every clip onto the body.

    Args:
        sources: what to read.
        body: the body; with several workers it must be one that its name finds again.
        config: what the user says about the files.
        workers: processes; the result does not depend on it.
        on_part: called with (parts done, parts in all); a large file has several parts.

    Raises:
        ClipFormatError: the SMPL model or the key list is unusable.
    """
    config = config or IngestConfig()
    if config.smpl_model is not None:
        _smpl_model(config.smpl_model)
    if config.keys is not None:
        _wanted(config.keys)
    result = Ingested()
    parts: list[_Part] = []
    for given in sources:
        files = motion_files(given)
        if not files:
            result.refused.append(Refused(str(given), f"no motion file there; known endings: {', '.join(SUFFIXES)}."))
        for path in files:
            size = path.stat().st_size if path.is_file() else 0
            shares = min(workers, 1 + size // _SHARE_BYTES) if path.suffix in (".pkl", ".npy") else 1
            parts += [_Part(path, share, shares) for share in range(shares)]
    here = workers <= 1 or len(parts) <= 1
    by_file: dict[Path, list[list[tuple[MotionClip, QualityReport]]]] = {part.path: [] for part in parts}
    work = partial(_ingest_part, body if here else body.name, config)
    for done, (part, found) in enumerate(zip(parts, every_part(work, parts, workers), strict=True), start=1):
        if isinstance(found, WorkerDiedError):
            result.refused.append(Refused(str(part.path), str(found)))
        else:
            by_file[part.path].append(found.clips)
            result.refused += found.refused
        if on_part is not None:
            on_part(done, len(parts))
    rows = (row for shares in by_file.values() for row in zip_longest(*shares))
    result.clips = [pair for row in rows for pair in row if pair is not None]
    return result


def library_of(
    clips: Sequence[MotionClip],
    body: BodyModel,
    *,
    inverse: SolveConfig | None = None,
    workers: int = 1,
    on_solved: Callable[[int, int], None] | None = None,
) -> tuple[MotionLibrary, list[Refused]]:
    """The library of clips that are on the body, and what was left out of it; see `MotionLibrary.build`."""
    refused: list[Refused] = []
    library = MotionLibrary.build(
        clips,
        body,
        inverse=inverse,
        workers=workers,
        on_solved=on_solved,
        on_refused=lambda name, reason: refused.append(Refused(name, reason)),
    )
    return library, refused


def _ingest_part(body: BodyModel | str, config: IngestConfig, part: _Part) -> Ingested:
    """Read one file and bring its share of clips onto the body; runs in a worker process."""
    body = _body(body) if isinstance(body, str) else body
    model = _smpl_model(config.smpl_model) if config.smpl_model else None
    options = ReadOptions(fps=config.fps, up=config.up, unit=config.unit, smpl_model=model)
    result = Ingested()
    try:
        content = read_confined(part.path, options, share=part.share, shares=part.shares)
    except ClipFormatError as error:
        if part.share == 0:
            result.refused.append(Refused(str(part.path), str(error)))
        return result
    if part.share == 0:
        result.refused += [Refused(str(part.path), str(error)) for error in content.refused]
    wanted = _wanted(config.keys) if config.keys else None
    for clip in content.clips:
        names = (clip.name, str(clip.extra.get("key", "")))
        if wanted is not None and not any(canonical_key(name) in wanted for name in names):
            continue
        try:
            fitted, quality = _onto(body, clip)
            if not config.accept:
                check_trusted(quality)
            result.clips.append((fitted, quality))
        except ClipFormatError as error:
            result.refused.append(Refused(f"{part.path} ({clip.name})", str(error)))
    return result


def _onto(body: BodyModel, clip: MotionClip) -> tuple[MotionClip, QualityReport]:
    if clip.seconds * FPS > MAX_CLIP_FRAMES:
        raise ClipFormatError(f"lasts {clip.seconds / 3600:.1f} h at {clip.fps:g} frames/s; cut it, or pass --fps.")
    try:
        return retarget(clip, body)
    except (ArithmeticError, IndexError, MemoryError, TypeError, ValueError) as error:
        if isinstance(error, ClipFormatError):
            raise
        # Numbers that no motion has, as lengths of 1e300 m: they passed the reader and defeat the geometry.
        raise ClipFormatError(
            f"could not be brought onto the body ({type(error).__name__}: {error!s:.200})."
        ) from error
