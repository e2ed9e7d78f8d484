"""The motion library: look-up, saving, and damaged or foreign files."""

import json
import os
import re
import shutil
import time

import mujoco
import numpy as np
import pytest
import torch

from kinesis_trl.body.model import load_body
from kinesis_trl.body.residuals import ResidualConfig
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.kinematics import forward_kinematics
from kinesis_trl.motion.library import FPS, MotionLibrary
from kinesis_trl.motion.library_files import map_npy
from kinesis_trl.motion.solving import SolveConfig


@pytest.fixture
def saved(library, tmp_path):
    library.save(tmp_path / "library")
    return tmp_path / "library"


def times(library, clip, *seconds):
    return library.tracked(torch.tensor([clip] * len(seconds)), torch.tensor(seconds, dtype=torch.float64))


def test_frames_are_the_kinematics_of_the_clip(body, library, march):
    data = mujoco.MjData(body.model)
    for frame in (0, 17, 60):
        data.qpos[:] = march.qpos[frame]
        mujoco.mj_kinematics(body.model, data)
        position, _ = times(library, 0, frame / FPS)
        np.testing.assert_allclose(position[0], data.xpos[body.tracked_ids], atol=1e-9)


def test_velocity_is_the_derivative_of_the_position(library):
    step = 1e-4
    moments = [0.51, 0.77, 1.2]
    before, _ = times(library, 0, *[t - step for t in moments])
    after, _ = times(library, 0, *[t + step for t in moments])
    _, velocity = times(library, 0, *moments)
    np.testing.assert_allclose((after - before) / (2 * step), velocity, atol=0.05)
    assert velocity.abs().max() > 0.5


def test_positions_between_frames_match_a_finer_clip(body, march, library):
    """Hermite interpolation at the lagged time is good to a tenth of a millimetre."""
    from kinesis_trl.motion.resample import resample_qpos

    fine = resample_qpos(march.qpos, 30.0, 150.0, body=body)
    position = forward_kinematics(body, fine, np.zeros((len(fine), body.model.nv))).body_pos
    frames = np.arange(10, 50)
    seen, _ = library.tracked(torch.zeros(40, dtype=torch.int64), torch.from_numpy(frames / FPS - 1 / 150))
    np.testing.assert_allclose(seen, position[5 * frames - 1], atol=1e-4)


def test_clips_stand_still_beyond_their_ends(library):
    position, velocity = times(library, 1, 0.0, 1.5, 99.0, -1.0)
    np.testing.assert_array_equal(position[2], position[1])
    np.testing.assert_array_equal(position[3], position[0])
    assert (velocity[2:] == 0).all() and velocity[1].abs().max() > 0


def test_look_up_never_crosses_into_the_next_clip(library):
    end = float(library.duration[0])
    last, _ = times(library, 0, end - 1e-9, end, end + 0.2)
    np.testing.assert_allclose(last[0], last[2], atol=1e-6)
    assert library.frame_index(torch.tensor([0]), torch.tensor([50.0])) == library.start[1] - 1


def test_saved_and_loaded_is_the_same(body, library, saved):
    again = MotionLibrary.load(saved, body)
    assert again.clips == library.clips
    for name in ("qpos", "qvel", "track", "muscle_length"):
        assert torch.equal(getattr(again, name), getattr(library, name))


def test_writing_to_a_loaded_library_leaves_the_file_alone(body, saved):
    one = MotionLibrary.load(saved, body)
    one.qpos[0] = 7.0
    assert MotionLibrary.load(saved, body).qpos[0, 0] != 7.0


def test_saving_again_replaces_the_whole(body, library, saved):
    library.subset([2, 0]).save(saved)
    again = MotionLibrary.load(saved, body)
    assert [c.name for c in again.clips] == ["turning", "march"]
    two = torch.tensor([0.4], dtype=torch.float64)
    for mine, theirs in ((0, 2), (1, 0)):
        position, _ = again.tracked(torch.tensor([mine]), two)
        assert torch.equal(position, library.tracked(torch.tensor([theirs]), two)[0])
    assert not [p for p in saved.parent.iterdir() if p.name.startswith(".")]


def test_inverse_solutions_are_kept_with_the_motions_they_belong_to(body, march, tmp_path):
    made = MotionLibrary.build([march], body, inverse=SolveConfig(residuals=ResidualConfig(rounds=1)))
    made.save(tmp_path / "solved")
    again = MotionLibrary.load(tmp_path / "solved", body)
    assert again.inverse is not None and again.inverse["moment_arm"].shape == (61, 80, 14)
    for name, array in made.inverse.items():
        assert torch.equal(again.inverse[name], array)
    # the clip as it was given is kept beside, and what metrics compare with are its tracked bodies
    np.testing.assert_array_equal(again.unsolved_qpos.numpy(), march.qpos)
    assert not torch.equal(again.qpos, again.unsolved_qpos)
    given = forward_kinematics(body, again.unsolved_qpos.numpy(), np.zeros((61, body.model.nv))).body_pos
    np.testing.assert_allclose(again.unsolved[..., :3].numpy(), given, atol=1e-9)
    for now, then in (("unsolved", "prepared"), ("unsolved_qpos", "prepared_qpos")):  # as earlier versions wrote it
        (tmp_path / "solved" / f"{now}.npy").rename(tmp_path / "solved" / f"{then}.npy")
    former = MotionLibrary.load(tmp_path / "solved", body)
    assert torch.equal(former.unsolved, again.unsolved) and torch.equal(former.unsolved_qpos, again.unsolved_qpos)
    part = again.subset([0])
    assert torch.equal(part.inverse["activation"], made.inverse["activation"])
    # moment arms are the slopes of the lengths: a small move of the joints changes the lengths accordingly
    qpos = made.qpos[30].numpy()
    joint = list(body.independent_joints).index("ankle_angle_r")
    moved = np.stack([qpos, qpos])
    moved[1, 7 + body.joint_names.index("ankle_angle_r")] += 1e-3
    lengths = forward_kinematics(body, moved, np.zeros((2, body.model.nv))).muscle_length
    np.testing.assert_allclose(
        (lengths[1] - lengths[0]) / 1e-3, made.inverse["moment_arm"][30, :, joint].double(), atol=2e-4
    )
    assert MotionLibrary.build([march], body).inverse is None


def test_a_folder_of_something_else_is_left_alone(library, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ClipFormatError, match="not empty"):
        library.save(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_same_names_are_told_apart(body, march):
    names = [c.name for c in MotionLibrary.build([march, march, march], body).clips]
    assert names == ["march", "march#2", "march#3"]


def spoil(name):
    def header(folder, **changes):
        content = json.loads((folder / "library.json").read_text())
        (folder / "library.json").write_text(json.dumps({**content, **changes}))

    def clip(folder, **changes):
        first, *others = json.loads((folder / "library.json").read_text())["clips"]
        header(folder, clips=[{**first, **changes}, *others])

    def forge(path, kind, shape=None):
        content = path.read_bytes()
        head, body = content[:128], content[128:]
        head = re.sub(rb"'descr': '[^']*'", b"'descr': '" + kind + b"'", head)
        head = re.sub(rb"\([0-9, ]*\)", shape, head) if shape else head
        path.write_bytes(head.rstrip().ljust(127) + b"\n" + body)

    def put(path, value):
        array = np.load(path)
        array[-1, -1] = value
        np.save(path, array)

    return {
        "missing": shutil.rmtree,
        "no header": lambda f: (f / "library.json").unlink(),
        "garbage header": lambda f: (f / "library.json").write_text("{"),
        "other body": lambda f: header(f, body="myolegs_abdomen"),
        "other version": lambda f: header(f, version=99),
        "no clips": lambda f: header(f, clips=[]),
        "empty dtype": lambda f: forge(f / "qpos.npy", b"|S0", b"(-1,)"),
        "no dtype": lambda f: forge(f / "qpos.npy", b"|V0"),
        "huge shape": lambda f: forge(f / "qvel.npy", b"<f8", b"(99999999999, 34)"),
        "big endian": lambda f: forge(f / "qpos.npy", b">f8"),
        "longer": lambda f: (f / "track.npy").write_bytes((f / "track.npy").read_bytes() + b"x"),
        "not finite": lambda f: put(f / "track.npy", np.nan),
        "infinite": lambda f: put(f / "muscle_length.npy", -np.inf),
        "immense": lambda f: put(f / "qvel.npy", 1e300),
        "pipe": lambda f: ((f / "qpos.npy").unlink(), os.mkfifo(f / "qpos.npy")),
        "pipe as header": lambda f: ((f / "library.json").unlink(), os.mkfifo(f / "library.json")),
        "deep header": lambda f: (f / "library.json").write_text("[" * 100_000),
        "half a character": lambda f: clip(f, name="\ud800"),
        "name of a number": lambda f: clip(f, name=3),
        "frames of a fraction": lambda f: clip(f, frames=61.0),
        "endless frames": lambda f: clip(f, frames=1e308),
        "clips of text": lambda f: header(f, clips=["march"]),
        "a list": lambda f: (f / "library.json").write_text("[]"),
        "truncated": lambda f: (f / "track.npy").write_bytes((f / "track.npy").read_bytes()[:1000]),
        "pickled": lambda f: np.save(f / "qpos.npy", np.array([object()]), allow_pickle=True),
        "wrong shape": lambda f: np.save(f / "qvel.npy", np.zeros((4, 34))),
        "overlapping": lambda f: header(
            f, clips=[{**c, "start": 0} for c in json.loads((f / "library.json").read_text())["clips"]]
        ),
    }[name]


@pytest.mark.parametrize(
    "damage, says",
    [
        ("missing", "library.json"),
        ("no header", "kinesis prepare"),
        ("garbage header", "damaged"),
        ("other body", "--body myolegs_abdomen"),
        ("other version", "version 99"),
        ("no clips", "expected"),
        ("empty dtype", "qpos.npy is damaged"),
        ("no dtype", "qpos.npy is damaged"),
        ("huge shape", "qvel.npy is damaged"),
        ("big endian", "qpos.npy is damaged"),
        ("longer", "track.npy is damaged"),
        ("not finite", "track.npy holds numbers that are not finite"),
        ("infinite", "muscle_length.npy holds numbers"),
        ("immense", "qvel.npy holds numbers"),
        ("pipe", "pipe or device"),
        ("pipe as header", "pipe or device"),
        ("deep header", "damaged"),
        ("half a character", "damaged"),
        ("name of a number", "name of a clip is 3"),
        ("frames of a fraction", "frames of a clip is 61.0"),
        ("endless frames", "damaged"),
        ("clips of text", "damaged"),
        ("a list", "damaged"),
        ("truncated", "track.npy is damaged"),
        ("pickled", "qpos.npy is damaged"),
        ("wrong shape", "expected"),
        ("overlapping", "expected"),
    ],
)
def test_damaged_libraries_are_refused(body, saved, damage, says):
    spoil(damage)(saved)
    with pytest.raises(ClipFormatError, match=says):
        MotionLibrary.load(saved, body)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_half_precision_is_checked_bit_by_bit(tmp_path, value):
    array = np.ones((5, 3), np.float16)
    array[0] = [np.finfo(np.float16).max, -np.finfo(np.float16).tiny, 0.0]
    np.save(tmp_path / "a.npy", array)
    assert np.array_equal(map_npy(tmp_path / "a.npy", (5, 3), "<f2"), array)
    array[3, 1] = value
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(ClipFormatError, match="not finite"):
        map_npy(tmp_path / "a.npy", (5, 3), "<f2")


def test_unprepared_clips_are_refused(body, march):
    with pytest.raises(ClipFormatError, match="no clip"):
        MotionLibrary.build([], body)
    with pytest.raises(ClipFormatError, match=r"29\.97 frames/s"):
        MotionLibrary.build([march.with_(fps=29.97)], body)
    with pytest.raises(ClipFormatError, match="has 38"):
        MotionLibrary.build([march], load_body("myolegs_abdomen"))


def test_two_hours_fit_in_a_gigabyte_and_map_at_once(body, library, tmp_path):
    """2 h of frames written sparsely: what counts is the size per frame and that loading reads no frame."""
    frames = 2 * 3600 * 30
    folder = tmp_path / "long"
    library.save(folder)
    header = json.loads((folder / "library.json").read_text())
    header["clips"] = [{**header["clips"][0], "start": 0, "frames": frames}]
    (folder / "library.json").write_text(json.dumps(header))
    size = 0
    for name in ("qpos", "qvel", "track", "muscle_length"):
        part = getattr(library, name).numpy()
        array = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", part.dtype, (frames, *part.shape[1:]))
        size += array.nbytes
        del array
    assert size < 1e9
    started = time.process_time()
    long = MotionLibrary.load(folder, body)
    assert time.process_time() - started < 5.0
    assert long.duration[0] == pytest.approx(7200, abs=0.1)
