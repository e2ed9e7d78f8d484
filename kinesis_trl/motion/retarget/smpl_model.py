"""SMPL with a user's own model file: joints and ground height for a person's body shape."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.pickles import load_npz, load_pickle
from kinesis_trl.motion.retarget.skeleton import SMPL_PARENTS
from kinesis_trl.motion.streams import explained
from kinesis_trl.motion.unpickling import Record

Array = NDArray[np.float64]

_SPARSE = ("csc_matrix", "csr_matrix")
_RECORDS = frozenset(
    {("chumpy.ch", "Ch"), ("chumpy.reordering", "Select")}
    | {(f"scipy.sparse.{module}", kind) for kind in _SPARSE for module in (kind[:3], f"_{kind[:3]}")}
)
_BATCH = 128
"""Frames posed at once; a mesh of 6,890 vertices then needs about 100 MB."""


@dataclass(frozen=True, kw_only=True)
class SmplModel:
    """Arrays of an SMPL model file with V vertices, in SMPL's axes and metres."""

    v_template: Array
    """(V, 3) mean body surface."""
    shapedirs: Array
    """(V, 3, S) surface change for each shape coefficient."""
    posedirs: Array
    """(V, 3, 207) surface change with the joint rotations."""
    J_regressor: Array
    """(24, V) joints from the surface."""
    weights: Array
    """(V, 24) skinning weights."""

    @classmethod
    def load(cls, path: Path) -> SmplModel:
        """Read SMPL_NEUTRAL.pkl (or MALE, FEMALE, or an npz of the same keys) without running anything in it.

        Raises ClipFormatError for a missing key, a wrong shape or a file that is not an SMPL model.
        """
        content = load_npz(path) if path.suffix == ".npz" else load_pickle(path, records=_RECORDS, encoding="latin1")
        names = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights")
        missing = [name for name in names if not isinstance(content, dict) or name not in content]
        if missing:
            raise ClipFormatError(f"{path}: has no {', '.join(missing)}; expected an SMPL model (SMPL_NEUTRAL.pkl).")
        with explained(path):
            arrays = {name: _dense(content[name], name) for name in names}
        vertices = len(arrays["v_template"])
        expected = {
            "v_template": (vertices, 3),
            "shapedirs": (vertices, 3, arrays["shapedirs"].shape[-1]),
            "posedirs": (vertices, 3, 9 * (len(SMPL_PARENTS) - 1)),
            "J_regressor": (len(SMPL_PARENTS), vertices),
            "weights": (vertices, len(SMPL_PARENTS)),
        }
        for name, shape in expected.items():
            if arrays[name].shape != shape:
                raise ClipFormatError(f"{path}: {name} has shape {arrays[name].shape}, expected {shape}.")
        return cls(**arrays)

    def posed(self, pose: Array, trans: Array, betas: Array, turn: Array) -> tuple[Array, Array]:
        """World joints (T, 24, 3) and lowest point of the surface (T,) in metres.

        pose: (T, 24, 3) axis-angle; trans: (T, 3) metres; betas: shape coefficients, of which as many are
        used as the file has; turn: (3, 3) rotation from the recording's world to z up, applied to the result.
        Uses smplx's linear blend skinning.
        """
        import torch  # noqa: PLC0415 - only users with the model file need to wait for it
        from smplx.lbs import lbs  # noqa: PLC0415

        def tensor(array: Any) -> torch.Tensor:
            return torch.as_tensor(np.asarray(array), dtype=torch.float32)

        shape = np.zeros(self.shapedirs.shape[-1])
        shape[: len(betas)] = betas[: len(shape)]
        basis = tensor(self.posedirs.reshape(-1, self.posedirs.shape[-1]).T)
        joints, lowest = np.empty((len(pose), 24, 3)), np.empty(len(pose))
        with torch.no_grad():
            for start in range(0, len(pose), _BATCH):
                part = slice(start, start + _BATCH)
                vertices, moved = lbs(
                    tensor(shape).expand(len(pose[part]), -1),
                    tensor(pose[part].reshape(-1, 72)),
                    tensor(self.v_template),
                    tensor(self.shapedirs),
                    basis,
                    tensor(self.J_regressor),
                    torch.tensor(SMPL_PARENTS),
                    tensor(self.weights),
                )
                shift = trans[part, None]
                joints[part] = (moved.numpy() + shift) @ turn.T
                lowest[part] = ((vertices.numpy() + shift) @ turn[2]).min(1)
        return joints, lowest


def _dense(value: Any, name: str) -> Array:
    """Plain float array from an array, a chumpy record or a sparse-matrix record."""
    if isinstance(value, Record):
        state = value.state
        if value.kind.endswith(_SPARSE):
            value = _filled(state, by_column=value.kind.endswith("csc_matrix"))
        elif "x" in state:
            value = state["x"]
        else:
            raise ClipFormatError(f"{name} is a {value.kind} without values; export the model as npz.")
    array = np.asarray(value, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ClipFormatError(f"{name} is not finite; fetch the model file again.")
    return array


def _filled(state: dict[str, Any], *, by_column: bool) -> Array:
    """Dense matrix from compressed columns or rows; by NumPy indexing, which checks the file's indices."""
    rows, columns = (int(n) for n in state.get("_shape", state.get("shape", (0, 0))))
    dense = np.zeros((rows, columns) if rows * columns <= 1 << 24 else (0, 0))
    target = dense.T if by_column else dense
    line = np.repeat(np.arange(len(target)), np.diff(state["indptr"]))
    np.add.at(target, (line, state["indices"]), state["data"])
    return dense
