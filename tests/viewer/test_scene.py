"""Geometry of the scene, checked against MuJoCo without a page."""

import mujoco
import numpy as np
import pytest
import trimesh

from kinesis_trl.body.model import load_body
from kinesis_trl.viewer.scene import Mesh, along, bone_meshes, inflated, muscle_segments, slots_of, thin


def posed(model, qpos):
    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    mujoco.mj_forward(model, data)
    return data


def test_bones_lie_where_the_model_has_them(body, march):
    """Shapes of bodies that are fixed to each other move as one."""
    model = body.whole
    data = posed(model, march.qpos[20])
    meshes = {m.body: m for m in bone_meshes(body, cell=1e-6)}
    skull = model.geom("hat_skull").id
    assert len(meshes) < 15 and len(meshes) == len({int(model.body_weldid[m]) for m in meshes})
    part = int(model.body_weldid[model.geom_bodyid[skull]])
    drawn = meshes[part].vertices @ data.xmat[part].reshape(3, 3).T + data.xpos[part]
    mesh = model.geom_dataid[skull]
    first, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
    vertices = model.mesh_vert[first : first + count]
    wanted = vertices @ data.geom_xmat[skull].reshape(3, 3).T + data.geom_xpos[skull]
    assert max(np.abs(drawn - point).sum(1).min() for point in wanted[::200]) < 1e-5


def test_thinning_keeps_the_shape_with_fewer_triangles(body):
    fine = {m.body: m for m in bone_meshes(body, cell=1e-6)}
    for mesh in bone_meshes(body):
        whole = fine[mesh.body]
        assert len(mesh.faces) <= len(whole.faces) and mesh.faces.max() < len(mesh.vertices)
        assert np.abs(np.ptp(mesh.vertices, axis=0) - np.ptp(whole.vertices, axis=0)).max() < 0.012
    assert sum(len(m.faces) for m in bone_meshes(body)) < 0.7 * sum(len(m.faces) for m in fine.values())


def test_thinning_by_hand():
    vertices = np.array([[0.0, 0, 0], [0.1, 0, 0], [1.5, 0, 0], [0, 1.5, 0]])
    merged, faces = thin(vertices, np.array([[0, 2, 3], [1, 2, 3], [0, 1, 2]]), 1.0)
    assert sorted(merged.tolist()) == [[0, 1.5, 0], [0.05, 0, 0], [1.5, 0, 0]]
    assert len(faces) == 2 and (faces[0] == faces[1]).all()


@pytest.mark.parametrize("frame", [0, 15, 40])
def test_muscle_paths_are_as_long_as_the_muscles_where_nothing_wraps(body, march, frame):
    model = body.model
    data = posed(model, march.qpos[frame])
    ends, tendons = muscle_segments(model, data)
    slots = slots_of(model)
    assert (np.bincount(tendons, minlength=model.ntendon) <= np.diff(slots)).all()
    assert (np.diff(tendons) >= 0).all()
    length = np.bincount(tendons, np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1), minlength=model.ntendon)
    wraps = np.array([
        np.isin(model.wrap_type[a : a + n], [4, 5]).any()
        for a, n in zip(model.tendon_adr, model.tendon_num, strict=True)
    ])  # fmt: skip
    assert (~wraps).sum() > 20
    assert np.abs(length - data.ten_length)[~wraps].max() < 1e-6
    assert (length <= data.ten_length + 1e-9).all()  # a chord cuts the arc around a bone
    assert (length > 0.9 * data.ten_length).all()


def test_rods_point_along_their_pieces():
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(50, 3))
    directions = np.concatenate(
        [directions / np.linalg.norm(directions, axis=1, keepdims=True), [[0, 0, -1], [0, 0, 1]]]
    )
    for direction, quaternion in zip(directions, along(directions), strict=True):
        turned = np.zeros(3)
        mujoco.mju_rotVecQuat(turned, np.array([0.0, 0.0, 1.0]), quaternion)
        assert turned == pytest.approx(direction, abs=1e-9)


def test_the_original_body_has_bones_too(kinesis_xml):
    other = load_body(kinesis_xml)
    assert len(bone_meshes(other)) > 8
    ends, _ = muscle_segments(other.model, posed(other.model, other.standing_qpos))
    assert 200 < len(ends) <= slots_of(other.model)[-1]


def test_the_shell_of_a_bone_lies_outside_it():
    corners = np.array([[x, y, z] for x in (0.0, 1) for y in (0.0, 1) for z in (0.0, 1)])
    cube = trimesh.Trimesh(corners, process=False).convex_hull
    shell = inflated(Mesh(1, np.asarray(cube.vertices), np.asarray(cube.faces)), 0.1)
    moved = shell - np.asarray(cube.vertices)
    assert np.linalg.norm(moved, axis=1) == pytest.approx(0.1)
    assert (np.sign(moved) == np.sign(np.asarray(cube.vertices) - 0.5)).all()
