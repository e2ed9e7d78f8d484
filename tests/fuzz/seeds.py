"""One small valid file of each kind that is read from strangers, made here."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import torch

from kinesis_trl.agents.checkpoint import save_policy
from kinesis_trl.agents.gaussian import GaussianConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.policy import make_actor
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.readers.deepmimic import _HUMANOID

FRAMES = 8
_LEG = ("UpLeg", "Leg", "Foot", "ToeBase")
_OFFSETS = ((9.0, 0.0, 0.0), (0.0, -42.0, 0.0), (0.0, -40.0, 0.0), (0.0, -5.0, 12.0))


def bvh() -> bytes:
    """A figure of two legs and a spine, y up, centimetres."""
    lines = ["HIERARCHY", "ROOT Hips", "{", "OFFSET 0 0 0"]
    lines.append("CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation")
    for side, sign in (("Left", 1), ("Right", -1)):
        for part, (x, y, z) in zip(_LEG, _OFFSETS, strict=True):
            lines += [f"JOINT {side}{part}", "{", f"OFFSET {sign * x} {y} {z}"]
            lines.append("CHANNELS 3 Zrotation Xrotation Yrotation")
        lines += ["End Site", "{", "OFFSET 0 0 5", "}", *"}" * len(_LEG)]
    lines += ["JOINT Spine", "{", "OFFSET 0 12 0", "CHANNELS 3 Zrotation Xrotation Yrotation"]
    lines += ["End Site", "{", "OFFSET 0 30 0", "}", "}", "}", "MOTION", f"Frames: {FRAMES}", "Frame Time: 0.0333333"]
    lines += [f"0 90 {t} " + "0 " * 30 for t in range(FRAMES)]
    return "\n".join(lines).encode()


def markers() -> bytes:
    """Two markers over twelve frames, as a .trc file."""
    lines = ["PathFileType\t4\t(X/Y/Z)\twalk.trc", "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits"]
    lines += ["100\t100\t12\t2\tmm", "Frame#\tTime\tRASI\t\t\tLASI\t\t", "\t\tX1\tY1\tZ1\tX2\tY2\tZ2"]
    lines += [f"{k + 1}\t{k / 100}\t{k}\t950\t100\t{k}\t950\t-100" for k in range(12)]
    return "\n".join(lines).encode()


def _figure() -> dict[str, object]:
    return {
        "pose_aa": np.full((FRAMES, 72), 0.01),
        "trans_orig": np.tile([0.0, 0.0, 0.95], (FRAMES, 1)),
        "root_trans_offset": np.tile([0.0, 0.0, 0.92], (FRAMES, 1)),
        "beta": np.zeros(10),
        "gender": "neutral",
        "fps": 30,
    }


def npy(array: np.ndarray, *, objects: bool = False) -> bytes:
    """Content of an .npy file."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=objects)
    return stream.getvalue()


def npz(members: dict[str, bytes]) -> bytes:
    """Content of an .npz file of members as they are, with checksums that fit."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def opensim() -> bytes:
    """A table of joint angles in degrees."""
    names = ["pelvis_tilt", "pelvis_list", "pelvis_rotation", "pelvis_tx", "pelvis_ty", "pelvis_tz"]
    names += [f"{joint}_{side}" for side in "rl" for joint in ("hip_flexion", "hip_adduction", "knee_angle")]
    names += ["ankle_angle_r", "ankle_angle_l"]
    head = f"Coordinates\nversion=1\nnRows={FRAMES}\nnColumns={len(names) + 1}\ninDegrees=yes\nendheader\n"
    rows = "".join(f"{t / 30:.6f}\t" + "\t".join(["0.5"] * len(names)) + "\n" for t in range(FRAMES))
    return (head + "time\t" + "\t".join(names) + "\n" + rows).encode()


def deepmimic() -> bytes:
    """Frames of duration, root and joints."""
    frame = [0.0333, 0.0, 0.9, 0.0]
    for *_, width in _HUMANOID:
        frame += [1.0, 0.0, 0.0, 0.0] if width == 4 else [-0.1] * width
    return json.dumps({"Loop": "wrap", "Frames": [frame] * FRAMES}).encode()


def emg() -> bytes:
    """Muscle activity in percent of a gait cycle."""
    rows = "".join(f"{k},s1,1.2,{k / 100},0.5\n" for k in range(0, 101, 4))
    return ("percent,subject,speed,soleus,tibialis anterior\n" + rows).encode()


def torch_file() -> bytes:
    """An original's policy."""
    stream = io.BytesIO()
    policy = {
        "net.affine_layers.0.weight": torch.ones(4, 6),
        "net.affine_layers.0.bias": torch.ones(4),
        "action_mean.weight": torch.ones(2, 4),
        "action_mean.bias": torch.ones(2),
        "log_std": torch.ones(6),
    }
    torch.save({"policy": policy, "epoch": 3}, stream)
    return stream.getvalue()


def motion_files(march: MotionClip) -> dict[str, bytes]:
    """Contents by file name."""
    assert march.qpos is not None
    qpos = np.asarray(march.qpos[:FRAMES])
    poses = {
        "poses.npy": npy(np.full((FRAMES, 156), 0.01)),
        "trans.npy": npy(np.tile([0.0, 0.0, 0.95], (FRAMES, 1))),
        "mocap_framerate.npy": npy(np.array(60.0)),
        "betas.npy": npy(np.zeros(16)),
        "gender.npy": npy(np.array("male")),
    }
    joints = np.random.default_rng(0).normal(size=(FRAMES, 22, 3))
    return {
        "figure.bvh": bvh(),
        "kinesis.pkl": pickle.dumps({"walk": _figure(), "run": _figure()}, protocol=4),
        "text.pkl": pickle.dumps({"walk": {k: v for k, v in _figure().items() if k != "beta"}}, protocol=0),
        "initial.pkl": pickle.dumps({0: {t / 10: row for t, row in enumerate(qpos)}}, protocol=2),
        "amass.npz": npz(poses),
        "qpos.npz": npz({"qpos.npy": npy(qpos), "fps.npy": npy(np.array(30.0))}),
        "joints.npy": npy(joints),
        "objects.npy": npy(np.array({"motion": joints[None].transpose(0, 2, 3, 1)}, dtype=object), objects=True),
        "table.mot": opensim(),
        "table.csv": "\n".join(",".join(f"{x:.4f}" for x in row) for row in qpos).encode(),
        "mimic.json": deepmimic(),
    }


def policy_file(folder: Path) -> bytes:
    """A policy as we keep it."""
    actor = make_actor(GaussianConfig(network=NetworkConfig(hidden=(4,))), 6, 2)
    save_policy(folder, actor, body="myolegs")
    return (folder / "policy.safetensors").read_bytes()


def library_folder(folder: Path, march: MotionClip, body: BodyModel) -> None:
    """A small library."""
    assert march.qpos is not None
    MotionLibrary.build([march.with_(qpos=march.qpos[:FRAMES])], body).save(folder)
