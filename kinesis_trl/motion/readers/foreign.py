"""Files that are not what their ending says, or of formats that are not read: what they are, and what to do."""

from __future__ import annotations

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.readers.registry import MotionFile

_ADVICE = {
    ".fbx .glb .gltf .usd .blend": "export it as BVH (in Blender: File, Export, Motion Capture)",
    ".vrm": "it is a figure without motion; export the motion as BVH",
    ".vmd": "export it as BVH (in Blender with its MMD tools)",
    ".c3d .trc": "it holds markers; make joint angles of them (OpenSim's inverse kinematics writes .mot)",
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
_WITH_TORCH = (
    "is a file of torch.save, not a pickle of arrays; open it with torch.load and save its motions with joblib.dump, "
    "tensors as NumPy arrays"
)


def foreign_ending(suffix: str, known: tuple[str, ...]) -> str:
    """What to do about a file whose ending no reader takes."""
    advice = _CONVERT.get(suffix.lower())
    return f"ending {suffix!r} is not read; " + (f"{advice}." if advice else f"known: {', '.join(known)}.")


def check_content(file: MotionFile) -> None:
    """Raise ClipFormatError naming what a file is when its first bytes are those of something else than its ending."""
    head, text_is_due = file.head, file.suffix in _TEXTS
    start = head[:512].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    zipped = head.startswith(_ZIP) and file.suffix != ".npz"
    by_torch = _TORCH_MAGIC in head[:32] or (zipped and (b"data.pkl" in head or b"/version" in head))
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
