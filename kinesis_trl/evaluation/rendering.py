"""Pictures of the body without a display: off-screen rendering, grids, videos, contact sheets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType

import imageio_ffmpeg
import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_trl import MISSING_OPENGL
from kinesis_trl.atomic import replacing
from kinesis_trl.body.model import BodyModel

Image = NDArray[np.uint8]
"""(height, width, 3) pixels."""

_REST = np.array([0.16, 0.32, 0.80])
_ACTIVE = np.array([0.86, 0.05, 0.06])
_GHOST = np.array([0.15, 0.45, 0.85, 0.25], dtype=np.float32)


class RenderError(RuntimeError):
    """Pictures cannot be made on this machine; the message says what to install."""


def muscle_colours(activation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Red, green and blue (…, 3) in [0, 1] of muscles at `activation` (…,): blue at rest, red when fully active."""
    level = np.clip(activation, 0, 1)[..., None]
    return _REST + level * (_ACTIVE - _REST)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A camera that follows the body."""

    distance: float = 2.7
    """Distance from the pelvis in metres."""
    azimuth: float = 120.0
    """Direction it looks in, in degrees about the vertical, relative to the world's x axis."""
    elevation: float = -12.0
    """Angle above the horizontal it looks from, negative is downward, in degrees."""


class BodyRenderer:
    """Renders one body, muscles coloured by activation, with its reference as a transparent ghost.

    Use as a context manager; an off-screen OpenGL context is held meanwhile.
    """

    def __init__(self, body: BodyModel, *, width: int = 320, height: int = 360, camera: Camera | None = None) -> None:
        """Open an off-screen context.

        Raises:
            RenderError: no off-screen OpenGL on this machine.
        """
        self.body, self.camera = body, camera or Camera()
        visual = body.model.vis
        visual.global_.offwidth = max(visual.global_.offwidth, width)
        visual.global_.offheight = max(visual.global_.offheight, height)
        visual.quality.numslices, visual.quality.numstacks = 8, 4  # 330 muscle segments, drawn by the CPU
        try:
            self._renderer = mujoco.Renderer(body.model, height, width)
        except Exception as error:  # each backend has its own exception types
            reason = f"{type(error).__name__}: {error}"
            if MISSING_OPENGL:
                reason = f"the library that MUJOCO_GL={MISSING_OPENGL} needs is not installed"
            raise RenderError(
                f"no off-screen OpenGL ({reason}); install Mesa "
                "(Debian: apt-get install libegl1 libgl1-mesa-dri, or libosmesa6) and set MUJOCO_GL=egl or osmesa."
            ) from error
        self._data = mujoco.MjData(body.model)
        self._ghost = mujoco.MjData(body.model)
        self._option = mujoco.MjvOption()
        self._option.flags[mujoco.mjtVisFlag.mjVIS_TENDON] = True
        self._option.sitegroup[:] = 0
        self._option.geomgroup[:] = [1, 1, 1, 0, 0, 0]  # 3: wrapping surfaces, 4: collision shapes
        self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = False  # triples the time without a GPU

    def __enter__(self) -> BodyRenderer:
        """The renderer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the context."""
        self._renderer.close()

    def frame(
        self,
        qpos: NDArray[np.float64],
        activation: NDArray[np.float64] | None = None,
        reference: NDArray[np.float64] | None = None,
    ) -> Image:
        """One picture of qpos (nq,), muscle activations (M,) and a reference pose (nq,)."""
        data, model = self._data, self.body.model
        data.qpos[:] = qpos
        level = np.zeros(model.nu) if activation is None else activation
        model.tendon_rgba[model.actuator_trnid[:, 0], :3] = muscle_colours(level)
        mujoco.mj_fwdPosition(model, data)
        view = mujoco.MjvCamera()
        view.lookat[:] = [qpos[0], qpos[1], 0.85]
        view.distance, view.azimuth, view.elevation = (
            self.camera.distance,
            self.camera.azimuth,
            self.camera.elevation,
        )
        self._renderer.update_scene(data, view, self._option)
        if reference is not None:
            self._add_ghost(reference)
        return self._renderer.render().copy()

    def _add_ghost(self, qpos: NDArray[np.float64]) -> None:
        self._ghost.qpos[:] = qpos
        mujoco.mj_kinematics(self.body.model, self._ghost)
        scene = self._renderer.scene
        before = scene.ngeom
        option = mujoco.MjvOption()
        option.flags[mujoco.mjtVisFlag.mjVIS_TENDON] = False
        option.sitegroup[:] = 0
        option.geomgroup[:] = self._option.geomgroup
        mujoco.mjv_addGeoms(
            self.body.model,
            self._ghost,
            option,
            mujoco.MjvPerturb(),
            int(mujoco.mjtCatBit.mjCAT_DYNAMIC),
            scene,
        )
        for geom in scene.geoms[before : scene.ngeom]:
            geom.rgba[:] = _GHOST
            geom.matid = -1


def grid(images: Sequence[Image], columns: int | None = None) -> Image:
    """Put pictures of one size side by side, row by row; missing cells are white."""
    columns = columns or int(np.ceil(np.sqrt(len(images))))
    rows = -(-len(images) // columns)
    blank = np.full_like(images[0], 255)
    cells = [*images, *[blank] * (rows * columns - len(images))]
    return np.concatenate([np.concatenate(cells[r * columns : (r + 1) * columns], axis=1) for r in range(rows)])


def caption(image: Image, text: str) -> Image:
    """The picture with a line of text on top."""
    from PIL import Image as Pillow  # noqa: PLC0415  only pictures with text need it
    from PIL import ImageDraw  # noqa: PLC0415

    picture = Pillow.fromarray(image)
    ImageDraw.Draw(picture).text((6, 4), text, fill=(20, 20, 20))
    return np.asarray(picture)


def write_video(path: Path, frames: Iterable[Image], *, fps: float = 30.0) -> None:
    """Write an H.264 .mp4, atomically; frames are taken one at a time."""
    pictures = iter(frames)
    first = next(pictures)
    height, width = (n // 2 * 2 for n in first.shape[:2])  # the codec wants even sizes
    with replacing(path) as temporary:
        writer = imageio_ffmpeg.write_frames(
            str(temporary), (width, height), fps=fps, codec="libx264", macro_block_size=2
        )
        writer.send(None)
        try:
            for frame in chain([first], pictures):
                writer.send(np.ascontiguousarray(frame[:height, :width]))
        finally:
            writer.close()
