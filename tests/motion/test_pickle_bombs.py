"""Pickles that cost more than they are: what expands, never ends or keeps a table busy is refused at once."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.pickles import load_npy, load_npz, load_pickle

HEADER = b"\x80\x04"


def test_forged_array_sizes_are_refused_before_allocation(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    for shape in ((1 << 40,), (1 << 62, 1 << 62), (-1, 3)):
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
            file.write(bytes(80))
        with pytest.raises(ClipFormatError, match=r"a\.npy"):
            load_npy(path)


def test_claimed_lengths_cost_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    for opcode in (pickle.BYTEARRAY8, pickle.BINBYTES8, pickle.BINUNICODE8, pickle.FRAME):
        path.write_bytes(b"\x80\x05" + opcode + struct.pack("<Q", 1 << 31) + b"abc")
        tracemalloc.start()
        with pytest.raises(ClipFormatError, match=r"a\.pkl"):
            load_pickle(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
        tracemalloc.stop()


@pytest.mark.parametrize("compressor", [zlib.compress, gzip.compress, bz2.compress, lzma.compress])
def test_a_decompression_bomb_is_refused(tmp_path: Path, compressor) -> None:
    size = 30 << 20
    inner = b"\x80\x04B" + struct.pack("<I", size) + bytes(size) + b"."
    path = tmp_path / "bomb.pkl"
    path.write_bytes(compressor(inner))
    assert path.stat().st_size < size / 100
    with pytest.raises(ClipFormatError, match=r"bomb\.pkl.*decompression bomb"):
        load_pickle(path, max_bytes=10 << 20)
    assert len(load_pickle(path)) == size


@pytest.mark.parametrize("step", [b"]", b"}", b")", b"(", b"N\x94", b"\x8f"])
def test_a_bomb_of_small_objects_is_refused(tmp_path: Path, step: bytes) -> None:
    path = tmp_path / "bomb.pkl"
    path.write_bytes(zlib.compress(b"\x80\x04" + step * 300_000 + b"."))
    assert path.stat().st_size < 3000
    with pytest.raises(ClipFormatError, match="decompression bomb"):
        load_pickle(path, max_bytes=10 << 20)


def test_a_zip_bomb_is_refused_over_all_members(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, **{f"a{i}": np.zeros(1 << 20, np.uint8) for i in range(8)})
    assert path.stat().st_size < 1 << 16
    with pytest.raises(ClipFormatError, match=r"bomb\.npz.*decompression bomb"):
        load_npz(path, max_bytes=5 << 20)
    assert len(load_npz(path, max_bytes=9 << 20)) == 8


def test_copies_made_by_a_pickle_count(tmp_path: Path) -> None:
    text = io.BytesIO()
    text.write(b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x000")
    text.write(b"c_codecs\nencode\nq\x01X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20) + b"q\x02")
    text.write(b"X\x06\x00\x00\x00latin1q\x030]q\x04")
    text.write(b"h\x01h\x02h\x03\x86Ra" * 100 + b".")
    path = tmp_path / "many.pkl"
    path.write_bytes(text.getvalue())
    with pytest.raises(ClipFormatError, match="decompression bomb"):
        load_pickle(path, max_bytes=20 << 20)


TWINS = b"N" + b"2\x86" * 60  # a tuple of itself twice, 60 deep: 2^60 values for whoever walks through it


@pytest.mark.parametrize(
    "code",
    [
        HEADER + b"}" + TWINS + b"Ns.",  # SETITEM
        HEADER + b"}(" + TWINS + b"Nu.",  # SETITEMS
        HEADER + b"(" + TWINS + b"Nd.",  # DICT
        HEADER + b"\x8f(" + TWINS + b"\x90.",  # ADDITEMS
        HEADER + b"(" + TWINS + b"\x91.",  # FROZENSET
        HEADER + b"c__builtin__\nset\n(]" + TWINS + b"atR.",
        HEADER + b"ccollections\nOrderedDict\n(]" + TWINS + b"N\x86atR.",
        HEADER + b"}\x8a\x10" + bytes(15) + b"\x01Ns.",  # an integer of 128 bits, which may have any hash
        HEADER + b"}G" + bytes(8) + b"c__builtin__\ncomplex\n(G" + bytes(8) + b"tRNs.",
        HEADER + b"Np2305843009213693951\n.",  # the memo is a table too
    ],
)
def test_keys_that_keep_a_table_busy_are_refused_at_once(tmp_path: Path, code: bytes) -> None:
    path = tmp_path / "bomb.pkl"
    path.write_bytes(code)
    with pytest.raises(ClipFormatError, match=r"bomb\.pkl"):
        load_pickle(path)


@pytest.mark.parametrize(
    "code",
    [
        HEADER + b"cnumpy\ndtype\n(" + TWINS + b"tR.",
        HEADER + b"c_codecs\nencode\n(X\x01\x00\x00\x00a" + TWINS + b"tR.",
        HEADER + b"cnumpy\ndtype\n(X\x02\x00\x00\x00f8tR(K\x03" + TWINS + b"NNNtb.",
    ],
)
def test_what_is_not_expected_is_shown_in_short(tmp_path: Path, code: bytes) -> None:
    path = tmp_path / "bomb.pkl"
    path.write_bytes(code)
    with pytest.raises(ClipFormatError, match=r"bomb\.pkl: (an (array|element type)|encodes text)"):
        load_pickle(path)


@pytest.mark.parametrize(
    "code", [HEADER + TWINS + b".", HEADER + b"]2a.", HEADER + b"]2\x85a.", HEADER + b"]" * 200 + b"a" * 199 + b"."]
)
def test_lists_that_never_end_for_who_walks_through_them_are_refused(tmp_path: Path, code: bytes) -> None:
    path = tmp_path / "bomb.pkl"
    path.write_bytes(code)
    with pytest.raises(ClipFormatError, match=r"again and again|deep"):
        load_pickle(path)


def test_steps_that_leave_nothing_cost_as_well(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pkl"
    path.write_bytes(zlib.compress(HEADER + b"N0" * 2_000_000 + b"N."))
    with pytest.raises(ClipFormatError, match="decompression bomb"):
        load_pickle(path)
