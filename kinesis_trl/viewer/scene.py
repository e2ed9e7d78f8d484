"""The body as a scene in the browser: bones, muscles coloured by activation, the reference as a green shell.

To follow the body, everything is drawn at its place less the body's, so that the camera stays where the user put it
and can be turned freely meanwhile. Bones are sent as batches of one, as a page shows new batches one picture later
than new poses of single shapes: bones and muscles then always belong to the same moment.

The reference is drawn as the inside of bones a little larger than life: where it is at the body only its rim is seen,
and as no two surfaces coincide, nothing flickers.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
import trimesh
import viser
from numpy.typing import NDArray

from kinesis_trl.body.model import BodyModel
from kinesis_trl.evaluation.rendering import CAMERAS, REFERENCE, View, muscle_colours

Array = NDArray[np.float64]

_BONE = (212, 184, 130)
_GOAL = (230, 150, 20)
_RIM = 0.008
"""How much larger the bones of the reference are than the body's, in metres from their surface."""
_SHOWN_GROUPS = 3  # geoms of higher groups are wrapping surfaces and collision shapes
_CELL = 0.006
"""Bone detail in metres; finer triangles are merged, since browsers without a GPU draw them too."""
_RADIUS = 0.008
"""Radius of a muscle in metres, on bones drawn at natural size."""
_NARROW = 0.8
"""Width by height of a page that is held upright."""


@dataclass(frozen=True)
class Mesh:
    """Triangles in the frame of one body of the model."""

    body: int
    """Id of the body in the model."""
    vertices: Array
    """(V, 3) metres."""
    faces: NDArray[np.int64]
    """(F, 3) vertex indices."""


def bone_meshes(body: BodyModel, *, cell: float = _CELL) -> list[Mesh]:
    """What is to be seen of the body, thinned to `cell` metres: one mesh for bodies that are fixed to each other."""
    model, data = body.whole, mujoco.MjData(body.whole)
    mujoco.mj_kinematics(model, data)
    shown = (model.geom_group < _SHOWN_GROUPS) & (model.geom_type == mujoco.mjtGeom.mjGEOM_MESH)
    rigid = model.body_weldid[model.geom_bodyid]
    meshes = []
    for part in np.unique(rigid[shown & (rigid > 0)]).tolist():
        shapes = [_shape(model, data, geom, part) for geom in np.flatnonzero(shown & (rigid == part)).tolist()]
        before = np.cumsum([0, *(len(vertices) for vertices, _ in shapes)])
        vertices = np.concatenate([vertices for vertices, _ in shapes])
        faces = np.concatenate([first + faces for first, (_, faces) in zip(before, shapes, strict=False)])
        meshes.append(Mesh(part, *thin(vertices, faces, cell)))
    return meshes


def thin(vertices: Array, faces: NDArray[np.int64], cell: float) -> tuple[Array, NDArray[np.int64]]:
    """Merge vertices (V, 3) that share a cube of `cell` metres into their mean; collapsed triangles (F, 3) go."""
    _, group, count = np.unique(np.floor(vertices / cell), axis=0, return_inverse=True, return_counts=True)
    group = group.reshape(-1)
    merged = np.zeros((len(count), 3))
    np.add.at(merged, group, vertices)
    triangles = group[faces]
    a, b, c = triangles.T
    return merged / count[:, None], triangles[(a != b) & (b != c) & (a != c)]


def muscle_segments(model: mujoco.MjModel, data: mujoco.MjData) -> tuple[Array, NDArray[np.int64]]:
    """Straight pieces of all tendon paths in the pose of `data`: ends (S, 2, 3) in metres, and tendon ids (S,).

    The number of pieces changes with the pose, as paths wrap around bones or lift off; `slots_of` bounds it.
    """
    adr, num = data.ten_wrapadr, data.ten_wrapnum
    points = data.wrap_xpos.reshape(-1, 3)
    pulley = data.wrap_obj.reshape(-1) == -2
    starts = np.concatenate([np.arange(a, a + n - 1) for a, n in zip(adr, num, strict=True)])
    tendons = np.repeat(np.arange(model.ntendon), np.maximum(num - 1, 0))
    drawn = ~(pulley[starts] | pulley[starts + 1])
    starts = starts[drawn]
    return np.stack([points[starts], points[starts + 1]], axis=1), tendons[drawn]


def along(direction: Array) -> Array:
    """Quaternions (…, 4) wxyz that turn the z axis to unit vectors `direction` (…, 3)."""
    x, y, z = np.moveaxis(direction, -1, 0)
    q = np.stack([1 + z, -y, x, np.zeros_like(z)], axis=-1)
    q[z < -1 + 1e-9] = [0.0, 1.0, 0.0, 0.0]
    return q / np.linalg.norm(q, axis=-1, keepdims=True)


def inflated(mesh: Mesh, rim: float) -> Array:
    """Vertices (V, 3) moved outward by `rim` metres, along the mean normal of their triangles."""
    a, b, c = (mesh.vertices[k] for k in mesh.faces.T)
    normals = np.zeros_like(mesh.vertices)
    for corner in mesh.faces.T:
        np.add.at(normals, corner, np.cross(b - a, c - a))
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return mesh.vertices + rim * normals / np.maximum(length, 1e-12)


def slots_of(model: mujoco.MjModel) -> NDArray[np.int64]:
    """(tendons + 1,) first rod of each tendon's path, so that a rod always shows a piece of the same muscle.

    A wrapping surface adds two points to a path at most, in place of its own.
    """
    wraps = np.isin(model.wrap_type, [int(mujoco.mjtWrap.mjWRAP_SPHERE), int(mujoco.mjtWrap.mjWRAP_CYLINDER)])
    most = [n - 1 + int(wraps[a : a + n].sum()) for a, n in zip(model.tendon_adr, model.tendon_num, strict=True)]
    return np.concatenate([[0], np.cumsum(most)]).astype(np.int64)


class BodyScene:
    """A body, its muscles and its reference on a page of a viser server.

    Attributes:
        follow: whether the scene moves so that the body stays in view.
        ghost: whether the reference is shown.
        slots: (tendons + 1,) first rod of each muscle's path.
    """

    def __init__(self, server: viser.ViserServer, body: BodyModel) -> None:
        """Add everything to the server's scene.

        Args:
            server: the page's server.
            body: the body that will be drawn.
        """
        self.body, self.follow, self.ghost = body, True, True
        self._server, scene = server, server.scene
        self._data = mujoco.MjData(body.whole)
        self._shift = np.zeros(3)
        scene.configure_default_lights(enabled=True, cast_shadow=False)
        self._floor = scene.add_grid(
            "/floor",
            width=24.0,
            height=24.0,
            cell_size=0.5,
            section_size=1.0,
            cell_color=(225, 225, 222),
            section_color=(195, 195, 190),
            plane_color=(246, 246, 244),
            plane_opacity=1.0,
        )
        meshes = bone_meshes(body)
        self._bones = {m.body: self._add(m, "bones", _BONE, None) for m in meshes}
        shells = [Mesh(m.body, inflated(m, _RIM), m.faces) for m in meshes]
        self._ghosts = {m.body: self._add(m, "reference", REFERENCE, 0.55) for m in shells}
        self._goal = scene.add_cylinder("/goal", radius=0.1, height=0.02, color=_GOAL, visible=False)
        self.slots = slots_of(body.whole)
        self._muscles = self._add_muscles(int(self.slots[-1]))
        server.initial_camera.up = (0.0, 0.0, 1.0)
        server.initial_camera.fov = 0.75
        self._from: View = "diagonal"
        self.look(self._from)

    def look(self, view: View) -> None:
        """Put the cameras of all tabs where `view` says; from behind, directions are as they are steered."""
        self._from = view
        for client in self._server.get_clients().values():
            self.greet(client)
        position, target = self._view(narrow=False)
        self._server.initial_camera.position, self._server.initial_camera.look_at = position, target

    def greet(self, client: viser.ClientHandle) -> None:
        """Put the camera of one tab; on a phone, whose controls cover the lower half, it shows the body above them."""
        position, target = self._view(narrow=client.camera.aspect < _NARROW)
        client.camera.position, client.camera.look_at = position, target

    def _view(self, *, narrow: bool) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Where a camera is, and what it looks at, in metres from the body's place on the floor."""
        camera = CAMERAS[self._from]
        azimuth, elevation = np.deg2rad(camera.azimuth), np.deg2rad(camera.elevation)
        away = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
        target = np.array([0.0, 0.0, 0.1 if narrow else camera.height])
        x, y, z = target - (1.6 if narrow else 1.4) * camera.distance * away
        return (float(x), float(y), float(z)), (0.0, 0.0, float(target[2]))

    def draw(self, qpos: Array, activation: Array, reference: Array | None, goal: Array | None = None) -> None:
        """Show coordinates qpos (nq,), activations (M,) in [0, 1], a reference (nq,) and a goal (2,), world frame."""
        model, data = self.body.whole, self._data
        if self.follow:
            self._shift[:2] = qpos[:2]
        shown = reference is not None and self.ghost
        with self._server.atomic():
            for handle in self._ghosts.values():
                if handle.visible != shown:
                    handle.visible = shown
            if reference is not None and shown:
                data.qpos[:] = reference
                mujoco.mj_kinematics(model, data)
                self._pose(self._ghosts)
            data.qpos[:] = qpos
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            mujoco.mj_tendon(model, data)
            self._pose(self._bones)
            self._stretch(activation)
            if self._goal.visible != (goal is not None):
                self._goal.visible = goal is not None
            if goal is not None:
                self._goal.position = np.array([*goal, 0.0]) - self._shift
            self._floor.position = np.round(self._shift) - self._shift  # jumps by whole sections cannot be seen

    def _add(
        self, mesh: Mesh, kind: str, colour: tuple[int, int, int], opacity: float | None
    ) -> viser.BatchedMeshHandle:
        return self._server.scene.add_batched_meshes_simple(
            f"/{kind}/{mesh.body}",
            mesh.vertices,
            mesh.faces,
            batched_wxyzs=np.array([[1.0, 0.0, 0.0, 0.0]]),
            batched_positions=np.zeros((1, 3)),
            batched_colors=colour,
            opacity=opacity,
            lod="off",
            side="double" if opacity is None else "back",
            cast_shadow=False,
            receive_shadow=False,
        )

    def _add_muscles(self, count: int) -> viser.BatchedMeshHandle:
        rod = trimesh.creation.cylinder(radius=1.0, height=1.0, sections=6)
        return self._server.scene.add_batched_meshes_simple(
            "/muscles",
            np.asarray(rod.vertices),
            np.asarray(rod.faces),
            batched_wxyzs=np.tile([1.0, 0.0, 0.0, 0.0], (count, 1)),
            batched_positions=np.zeros((count, 3)),
            batched_scales=np.zeros((count, 3)),
            batched_colors=np.zeros((count, 3), dtype=np.uint8),
            lod="off",
            cast_shadow=False,
            receive_shadow=False,
        )

    def _pose(self, handles: dict[int, viser.BatchedMeshHandle]) -> None:
        for part, handle in handles.items():
            handle.batched_positions = (self._data.xpos[part] - self._shift)[None].astype(np.float32)
            handle.batched_wxyzs = self._data.xquat[part][None].astype(np.float32)

    def _stretch(self, activation: Array) -> None:
        """Lay one rod of the batch along each piece of the muscles' paths; the rest are shrunk to nothing."""
        ends, tendons = muscle_segments(self.body.whole, self._data)
        offset = ends[:, 1] - ends[:, 0]
        length = np.linalg.norm(offset, axis=1)
        direction = offset / np.maximum(length, 1e-9)[:, None]
        direction[length < 1e-9] = [0.0, 0.0, 1.0]
        muscles = self._muscles
        count = len(muscles.batched_positions)
        used = self.slots[tendons] + np.arange(len(tendons)) - np.searchsorted(tendons, tendons)
        positions, scales = np.zeros((count, 3)), np.zeros((count, 3))
        quaternions = np.tile([1.0, 0.0, 0.0, 0.0], (count, 1))
        colours = np.zeros((count, 3))
        positions[used], quaternions[used] = ends.mean(1) - self._shift, along(direction)
        scales[used] = np.stack([np.full(len(used), _RADIUS), np.full(len(used), _RADIUS), length], axis=1)
        by_tendon = np.zeros((self.body.model.ntendon, 3))
        by_tendon[self.body.model.actuator_trnid[:, 0]] = muscle_colours(activation)
        colours[used] = by_tendon[tendons]
        muscles.batched_positions = positions.astype(np.float32)
        muscles.batched_wxyzs = quaternions.astype(np.float32)
        muscles.batched_scales = scales.astype(np.float32)
        muscles.batched_colors = (255 * colours).astype(np.uint8)


def _shape(model: mujoco.MjModel, data: mujoco.MjData, geom: int, part: int) -> tuple[Array, NDArray[np.int64]]:
    """Vertices (V, 3) of a mesh geom in the frame of body `part`, and its faces (F, 3)."""
    mesh = model.geom_dataid[geom]
    first, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
    start, faces = model.mesh_faceadr[mesh], model.mesh_facenum[mesh]
    world = model.mesh_vert[first : first + count] @ data.geom_xmat[geom].reshape(3, 3).T + data.geom_xpos[geom]
    vertices = (world - data.xpos[part]) @ data.xmat[part].reshape(3, 3)
    return vertices, model.mesh_face[start : start + faces].astype(np.int64)
