"""One entrance to all readers: by a file's ending and content to the clips in it."""

from __future__ import annotations

import glob
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from kinesis_trl.failures import printable
from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.confined import Limits, run_confined
from kinesis_trl.motion.readers.conventions import words
from kinesis_trl.motion.readers.markers import MARKERS
from kinesis_trl.motion.readers.registry import MotionFile, ReadOptions, reader_of, suffixes

SUFFIXES = suffixes()
"""Endings of files that are looked into when a folder is read."""
_ADVICE = {
    ".fbx .glb .gltf .usd .blend": "export it as BVH (in Blender: File, Export, Motion Capture)",
    ".vrm": "it is a figure without motion; export the motion as BVH",
    ".vmd": "export it as BVH (in Blender with its MMD tools)",
    ".mvnx": "export it as BVH from MVN Analyze",
    ".asf": "it is a skeleton; name the .amc motions beside it",
    ".osim": "it is a model; name the .mot or .sto file of its motion",
    ".mat .h5 .hdf5": "save its arrays with numpy.savez",
    ".pt .pth": "open it with torch.load and save its arrays with numpy.savez",
    ".joblib .pickle": "rename it to .pkl",
    ".zip .gz": "unpack it",
}
_CONVERT = {suffix: advice for suffixes, advice in _ADVICE.items() for suffix in suffixes.split()}
_TORCH_MAGIC = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""The number with which files of torch.save before version 1.6 begin, as pickled."""
_ZIP, _HDF5, _GZIP = b"PK\x03\x04", b"\x89HDF\r\n", b"\x1f\x8b"
_TEXTS = (".amc", ".bvh", ".csv", ".json", ".mot", ".sto", ".txt")
_LONGEST_NAME = 200
_WITH_TORCH = (
    "is a file of torch.save, not a pickle of arrays; open it with torch.load and save its motions with joblib.dump, "
    "tensors as NumPy arrays"
)


@dataclass(frozen=True)
class FileContent:
    """What is in a motion file."""

    clips: list[MotionClip]
    """The motions that can be used."""
    refused: list[ClipFormatError]
    """One error for each of the others, which names it and says why."""


def read_file(path: str | Path, options: ReadOptions | None = None) -> FileContent:
    """Every clip of a motion file, whatever its format, and what in it cannot be used.

    Raises:
        ClipFormatError: no clip can be used; names the file, what was found and what mends it.
    """
    path, options = Path(path), options or ReadOptions()
    if path.is_dir():
        raise ClipFormatError(f"{path}: is a folder; give its files (`motion_files` finds them).")
    if not path.is_file():
        say = f'kinesis prepare --text "{path}" makes a motion of a sentence' if " " in str(path) else "check the path"
        raise ClipFormatError(f"{path}: no such file; {say}.")
    if options.unit is not None and not 0.0 < options.unit < float("inf"):
        raise ClipFormatError(f"unit of {options.unit} metres; give a positive number, e.g. 0.01 for centimetres.")
    if path.suffix.lower() not in SUFFIXES:
        advice = _CONVERT.get(path.suffix.lower(), f"known: {', '.join(SUFFIXES)}")
        raise ClipFormatError(f"{path}: ending {path.suffix!r} is not read; {advice}.")
    try:
        file = MotionFile(path)
        _check_content(file)
        found = reader_of(file).read(file, options)
    except ClipFormatError as error:
        raise _named(path, error) from None
    except OSError as error:
        raise ClipFormatError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
    except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # Content of the wrong type in a place the reader does not expect; the file is at fault, not the user.
        raise ClipFormatError(f"{path}: malformed content ({type(error).__name__}: {error}).") from error
    clips = [_labelled(path, clip) for clip in found if isinstance(clip, MotionClip)]
    refused = [_named(path, error) for error in found if isinstance(error, ClipFormatError)]
    if not clips:
        more = f" So are the {len(refused) - 1} other motions in it." if len(refused) > 1 else ""
        raise ClipFormatError(f"{refused[0]}{more}" if refused else f"{path}: holds no motion.")
    return FileContent(clips, refused)


def read_confined(
    path: Path,
    options: ReadOptions | None = None,
    *,
    share: int = 0,
    shares: int = 1,
    reader: Callable[[Path, ReadOptions], FileContent] = read_file,
) -> FileContent:
    """What is in a motion file, read within limits.

    Args:
        path: the file.
        options: what the user says about it.
        share: of the clips, those with index ≡ share (mod shares) are returned.
        shares: how many shares there are.
        reader: what reads it.

    Raises:
        ClipFormatError: refused, with the reason.
    """
    given = options or ReadOptions()

    def read() -> Any:
        content = reader(path, given)
        clips = [{f.name: getattr(clip, f.name) for f in fields(clip)} for clip in content.clips[share::shares]]
        return {"clips": clips, "refused": [str(error) for error in content.refused]}

    modelled = given.smpl_model is not None or path.suffix.lower() in MARKERS
    found = run_confined(path, read, Limits.of(path, modelled=modelled))
    clips = [MotionClip(**{**clip, "name": clip["name"][:_LONGEST_NAME]}) for clip in found["clips"]]
    return FileContent(clips, [ClipFormatError(reason) for reason in found["refused"]])


def read_motion(path: str | Path, **options: Any) -> list[MotionClip]:
    """Every clip of a motion file, whatever its format; for a file of which only a part can be used see `read_file`.

    Args:
        path: file of a format in `SUFFIXES`.
        options: fields of `ReadOptions`: fps, up, unit, smpl_model.

    Raises:
        ClipFormatError: names the file, the motion in it that cannot be used, what was found and what mends it.
    """
    content = read_file(path, ReadOptions(**options))
    if content.refused:
        raise content.refused[0]
    return content.clips


def motion_files(given: str | Path) -> list[Path]:
    """The files that a path, folder or glob pattern stands for, sorted."""
    path = Path(given)
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES)
    if path.exists() or not glob.has_magic(str(given)):
        return [path]
    return sorted(p for p in map(Path, glob.glob(str(given), recursive=True)) if p.suffix.lower() in SUFFIXES)


def _named(path: Path, error: ClipFormatError) -> ClipFormatError:
    """The error, with the file's name in front where it is not in it."""
    return error if str(path) in str(error) else ClipFormatError(f"{path}: {error}")


def _labelled(path: Path, clip: MotionClip) -> MotionClip:
    """The clip with source and label, and without control characters in its texts."""
    name, label = (printable(text, keep="") for text in (clip.name, clip.label or words(clip.name)))
    return clip.with_(name=name, label=label, source=clip.source or str(path))


def _check_content(file: MotionFile) -> None:
    """Raise ClipFormatError naming what a file is when its first bytes are those of something else than its ending."""
    head, text_is_due = file.head, file.suffix in _TEXTS
    start = head[:512].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    archive = head.startswith(_ZIP)
    zipped = archive and file.suffix != ".npz"
    by_torch = _TORCH_MAGIC in head[:32] or (archive and (b"data.pkl" in head or b"/version" in head))
    rules = (
        (not head, "is empty (0 bytes); fetch it again"),
        (head.startswith(b"version https://git-lfs"), "is a pointer of Git LFS, not the file itself; run git lfs pull"),
        (start.startswith((b"<!doctype", b"<html")), "is a web page, not a motion; download the file itself"),
        (head.startswith(_HDF5), "is an HDF5 file; save its arrays with numpy.savez"),
        (by_torch, _WITH_TORCH),
        (zipped and b".npy" in head, "is an archive of arrays; rename it to .npz"),
        (zipped, "is a zip archive; unpack it"),
        (text_is_due and head.startswith(_GZIP), "is compressed by gzip; unpack it"),
        (text_is_due and head.startswith((b"Kaydara FBX", b"; FBX")), f"is an FBX file; {_CONVERT['.fbx']}"),
        (text_is_due and head.startswith((b"\xff\xfe", b"\xfe\xff")), "is text in UTF-16; save it as UTF-8"),
        (text_is_due and b"\x00" in head[:64], "is no text; it is not what its ending says, or damaged"),
    )
    for applies, what in rules:
        if applies:
            raise ClipFormatError(f"{what}.")
