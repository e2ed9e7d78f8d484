"""A user's SMPL file: read without running it, and posed like the mean skeleton when its shape is the mean."""

from __future__ import annotations

import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.retarget.skeleton import PELVIS_IN_MODEL, REST_JOINTS, smpl_kinematics
from kinesis_trl.motion.retarget.smpl_model import SmplModel

SOLE = -1.2
"""Height, in the model's frame, of the lowest vertex."""


def content() -> dict[str, np.ndarray]:
    """A body whose surface is one vertex at each joint and one under the pelvis; the first shape raises all."""
    in_smpl_axes = REST_JOINTS[:, [1, 2, 0]] + PELVIS_IN_MODEL["smpl"]
    template = np.concatenate([in_smpl_axes, [[0.0, SOLE, 0.0]]])
    weights = np.eye(25, 24)
    weights[24, 0] = 1.0
    shapes = np.zeros((25, 3, 10))
    shapes[:, :, 0] = 0.1 * template
    return {
        "v_template": template,
        "shapedirs": shapes,
        "posedirs": np.zeros((25, 3, 207)),
        "J_regressor": np.eye(24, 25),
        "weights": weights,
        "f": np.zeros((1, 3), dtype=np.uint32),
    }


@pytest.fixture
def original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model as the original files have it: chumpy objects, a sparse matrix, Python 2's protocol."""
    module = types.ModuleType("chumpy.ch")

    class Ch:
        def __init__(self, x: np.ndarray) -> None:
            self.x = x
            self._dirty_vars: set[str] = set()

    Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"
    module.Ch = Ch  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    arrays = content() | {"J_regressor": scipy.sparse.csc_matrix(content()["J_regressor"])}
    arrays |= {"shapedirs": Ch(content()["shapedirs"])}
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    path.write_bytes(pickle.dumps(arrays, protocol=2))
    return path


def test_original_file_and_npz_give_the_same_arrays(original: Path, tmp_path: Path) -> None:
    model = SmplModel.load(original)
    np.savez(tmp_path / "m.npz", **content())
    for name, array in vars(SmplModel.load(tmp_path / "m.npz")).items():
        np.testing.assert_array_equal(getattr(model, name), array)


def test_mean_shape_is_posed_like_the_mean_skeleton(original: Path) -> None:
    rng = np.random.default_rng(0)
    pose, trans = rng.normal(0, 0.4, (300, 24, 3)), rng.normal(0, 1, (300, 3))
    joints, _ = SmplModel.load(original).posed(pose, trans, np.zeros(16), np.eye(3))
    expected, _ = smpl_kinematics(pose, trans + PELVIS_IN_MODEL["smpl"])
    np.testing.assert_allclose(joints, expected, atol=1e-5)


def test_shape_and_ground_height(original: Path) -> None:
    # Upright in a y-up world: the model's own axes; turned to z up the lowest vertex is the sole.
    turn = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    trans = np.array([[5.0, 0.3, -2.0]] * 2)
    model = SmplModel.load(original)
    joints, lowest = model.posed(np.zeros((2, 24, 3)), trans, np.array([2.0]), turn)
    np.testing.assert_allclose(lowest, 1.2 * SOLE + 0.3, atol=1e-5)
    pelvis = 1.2 * PELVIS_IN_MODEL["smpl"] + trans[0]
    np.testing.assert_allclose(joints[0], 1.2 * REST_JOINTS + pelvis[[2, 0, 1]], atol=1e-5)


def test_bad_files(tmp_path: Path, original: Path) -> None:
    with pytest.raises(ClipFormatError, match=r"none\.pkl: cannot be opened"):
        SmplModel.load(tmp_path / "none.pkl")
    np.savez(tmp_path / "a.npz", v_template=np.zeros((3, 3)))
    with pytest.raises(ClipFormatError, match=r"a\.npz: has no shapedirs"):
        SmplModel.load(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", **content() | {"weights": np.zeros((25, 20))})
    with pytest.raises(ClipFormatError, match=r"b\.npz: weights has shape \(25, 20\)"):
        SmplModel.load(tmp_path / "b.npz")
    forged = content() | {"J_regressor": scipy.sparse.csc_matrix(content()["J_regressor"])}
    forged["J_regressor"].indices[:] = 1 << 20
    (tmp_path / "c.pkl").write_bytes(pickle.dumps(forged, protocol=2))
    with pytest.raises(ClipFormatError, match=r"c\.pkl"):
        SmplModel.load(tmp_path / "c.pkl")
