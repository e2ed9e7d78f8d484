"""Pickles: what motion data holds comes out whole; everything else is refused and nothing runs."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.pickles import load_npy, load_npz, load_pickle
from kinesis_trl.motion.unpickling import Record

joblib = pytest.importorskip("joblib")


def sample() -> dict:
    array = np.arange(6.0).reshape(2, 3)
    return {
        "array": array,
        "again": array,
        "fortran": np.asfortranarray(array),
        "objects": np.array([1, "x", None, {"inner": array}], dtype=object),
        "text": np.array(["ab", "c"]),
        "big endian": array.astype(">f4"),
        "scalar": np.float32(3),
        "bool": np.bool_(True),
        "empty": np.zeros((0, 3)),
        "zero-dimensional": np.array(5.0),
        "nested": (1, [2.5, "x", None, True], {3, 4}, 1 + 2j, b"raw"),
        "ordered": OrderedDict(a=1),
        "turned tensor": torch.arange(12.0).reshape(3, 4).T,
        "part of a tensor": torch.arange(10)[2:9:3],
        "flag tensor": torch.tensor(True),
        "half tensor": torch.ones(3, dtype=torch.float16),
    }


def same(expected, found) -> bool:
    expected = expected.numpy() if isinstance(expected, torch.Tensor) else expected
    if isinstance(expected, dict):
        return expected.keys() == found.keys() and all(same(expected[k], found[k]) for k in expected)
    if isinstance(expected, np.ndarray) and expected.dtype == object:
        return all(same(a, b) for a, b in zip(expected.ravel(), found.ravel(), strict=True))
    if isinstance(expected, (np.ndarray, np.generic)):
        return np.array_equal(expected, found) and expected.dtype.newbyteorder("=") == found.dtype.newbyteorder("=")
    return expected == found


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_pickle_comes_out_whole(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(sample(), protocol=protocol))
    found = load_pickle(path)
    assert same(sample(), found)
    assert found["again"] is found["array"]


@pytest.mark.parametrize("compress", [0, "zlib", "gzip", "bz2", "xz", "lzma"])
def test_joblib_comes_out_whole(tmp_path: Path, compress: object) -> None:
    path = tmp_path / "a.pkl"
    joblib.dump(sample(), path, compress=compress)
    assert same(sample(), load_pickle(path))


def test_object_npy_and_npz_come_out_whole(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array(sample(), dtype=object), allow_pickle=True)
    assert same(sample(), load_npy(tmp_path / "a.npy").item())
    objects = np.array([1, None, "x"], dtype=object)
    np.savez_compressed(tmp_path / "a.npz", a=np.eye(3), b=np.array("neutral"), c=objects)
    found = load_npz(tmp_path / "a.npz")
    assert same({"a": np.eye(3), "b": np.array("neutral"), "c": objects}, found)


class Call:
    """Pickles into a call of `function(*arguments)`."""

    def __init__(self, function, *arguments, state=None) -> None:
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.reduced


def hostile(marker: Path) -> dict[str, object]:
    command = f"touch {marker}"
    return {
        "os.system": Call(os.system, command),
        "eval": Call(eval, f"open({str(marker)!r}, 'w')"),
        "exec": Call(exec, f"open({str(marker)!r}, 'w')"),
        "open": Call(open, str(marker), "w"),
        "getattr": Call(getattr, "x", "upper"),
        "import": Call(__import__, "os"),
        "np.load": Call(np.load, "x.npy"),
        "np.save": Call(np.save, str(marker), 1),
        "np.memmap": Call(np.memmap, str(marker), "u1", "w+", 0, (10,)),
        "np.fromfile": Call(np.fromfile, "/etc/hostname", "u1"),
        "np.ndarray": Call(np.ndarray, (1 << 40,)),
        "runstring": Call(np.testing.runstring, f"open({str(marker)!r}, 'w')", {}),
        "torch.load": Call(torch.load, "x.pt"),
        "dict": Call(dict, [("a", 1)]),
        "joblib.load": Call(joblib.load, "x.pkl"),
    }


@pytest.mark.parametrize("name", hostile(Path()))
@pytest.mark.parametrize("wrap", ["pickle", "joblib", "joblib zlib", "object array in joblib", "npy", "npz"])
def test_a_hostile_pickle_is_refused_and_does_not_run(tmp_path: Path, name: str, wrap: str) -> None:
    marker, path = tmp_path / "ran", tmp_path / "evil"
    attack = hostile(marker)[name]
    content = {"pose_aa": np.zeros((3, 72)), "fps": attack}
    array = np.array([0, attack], dtype=object)
    load = load_pickle
    if wrap == "pickle":
        path.write_bytes(pickle.dumps(content))
    elif wrap.startswith("object"):
        joblib.dump({"x": array}, path)
    elif wrap.startswith("joblib"):
        joblib.dump(content, path, compress=3 if "zlib" in wrap else 0)
    elif wrap == "npy":
        with path.open("wb") as file:
            np.save(file, array, allow_pickle=True)
        load = load_npy
    else:
        with path.open("wb") as file:
            np.savez(file, poses=array)
        load = load_npz
    with pytest.raises(ClipFormatError, match=r"(?s)evil.*(names|calls) .*nothing was run"):
        load(path)
    assert not marker.exists()


def test_the_refusal_names_what_the_file_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps(Call(os.system, "true")))
    with pytest.raises(ClipFormatError, match=r"evil\.pkl: names (posix|nt)\.system"):
        load_pickle(path)


HEADER = b"\x80\x04"


@pytest.mark.parametrize(
    "code",
    [
        b"(cos\nsystem\nS'true'\no.",  # OBJ
        b"(S'true'\nios\nsystem\n.",  # INST
        HEADER + b"\x8c\x05numpy\x8c\x13lib.npyio.np.os.sys\x93.",  # a dotted name that walks through modules
        HEADER + b"\x82\x01.",  # EXT1: a name from the process's extension registry
        b"cnumpy\nndarray\n(I1000000000000\ntR.",  # a class called as a function
        b"cnumpy\ndtype\n(S'V8'\nI0\nI1\ntR.",  # structured element types can hide object pointers
        b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNS'a'\nNI-1\nI-1\nI0\ntb.",  # … by a forged state
        b"cnumpy\ndtype\n}S'x'\nI1\nsb.",  # attributes set on one of the allowed functions
        b"ccollections\nOrderedDict\n)R}S'__class__'\nI1\nsb.",
        b"Pstorage\n.",  # a persistent id
        HEADER + b"\x8c\x01ajX\xff\xff\xff.",  # a memo entry that was never made
        b"N" * 10,  # no end
        b"",
    ],
)
def test_hand_written_attacks_are_refused(tmp_path: Path, code: bytes) -> None:
    path = tmp_path / "evil.pkl"
    path.write_bytes(code)
    with pytest.raises(ClipFormatError, match=r"evil\.pkl"):
        load_pickle(path)


def test_a_tensor_may_not_reach_outside_its_storage(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    honest = pickle.dumps(torch.arange(4.0), protocol=2)
    assert same(np.arange(4.0, dtype=np.float32), load_pickle_bytes(path, honest))
    assert honest.count(b"K\x04\x85") == 1
    with pytest.raises(ClipFormatError, match="outside its storage"):
        load_pickle_bytes(path, honest.replace(b"K\x04\x85", b"K\x05\x85"))


def load_pickle_bytes(path: Path, data: bytes):
    path.write_bytes(data)
    return load_pickle(path)


def test_a_zip_that_is_cut_short_or_oddly_packed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, poses=np.zeros((100, 72)))
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(ClipFormatError, match=r"a\.npz.*cut short"):
        load_npz(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("poses.npy", b"x")
    with pytest.raises(ClipFormatError, match=r"a\.npz.*unusual"):
        load_npz(path)


def test_records_are_inert_and_only_by_request(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x02cchumpy.ch\nCh\n)\x81}q\x00U\x01xK\x07sb.")
    assert load_pickle(path, records=[("chumpy.ch", "Ch")]) == Record("chumpy.ch.Ch", {"x": 7})
    with pytest.raises(ClipFormatError, match=r"names chumpy\.ch\.Ch"):
        load_pickle(path)


def test_every_shared_pickle_equals_what_joblib_reads(shared: Path) -> None:
    motions = shared / "data" / "motions"
    files = [motions / "kinesis_t2m" / "mdm_walk_circle_0.pkl", *motions.glob("kinesis_kit_qpos10hz/*.pkl")]
    assert len(files) == 2
    for path in files:
        assert same(joblib.load(path), load_pickle(path))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_of_torch_save_is_called_by_its_name(tmp_path: Path, zipped: bool) -> None:
    torch.save({"pose_aa": torch.zeros(3)}, tmp_path / "a.pkl", _use_new_zipfile_serialization=zipped)
    with pytest.raises(ClipFormatError, match=r"torch\.save.*joblib\.dump"):
        load_pickle(tmp_path / "a.pkl")


def test_pipes_and_devices_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.pkl")
    for path in (tmp_path / "a.pkl", Path("/dev/zero"), tmp_path):
        with pytest.raises(ClipFormatError, match="no regular file"):
            load_pickle(path)


def test_text_beyond_unicode_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    text = np.array(["walk"])
    for content in (text, text[0], text.astype(">U4")):
        data = pickle.dumps(content, protocol=4)
        place = data.index(b"a\0\0\0") if b"a\0\0\0" in data else data.index(b"\0\0\0a")
        path = tmp_path / "a.pkl"
        path.write_bytes(data[:place] + b"\x7f" * 4 + data[place + 4 :])
        with pytest.raises(ClipFormatError, match="impossible characters"):
            load_pickle(path)
    np.save(tmp_path / "a.npy", text)
    data = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(data[:-4] + b"\xff" * 4)
    with pytest.raises(ClipFormatError, match="impossible characters"):
        load_npy(tmp_path / "a.npy")
