"""The panel of how it is shown: camera, reference, what colours mean, and the video to keep."""

from __future__ import annotations

from typing import Any

import viser

from kinesis_trl.evaluation.config import PictureConfig, View
from kinesis_trl.evaluation.lettering import NO_ARMS
from kinesis_trl.evaluation.rendering import CAMERAS
from kinesis_trl.motion.library import FPS
from kinesis_trl.viewer.controls import On, Post, Shown, plain
from kinesis_trl.viewer.recording import VideoExport
from kinesis_trl.viewer.scene import BodyScene
from kinesis_trl.viewer.session import Session

_SIZES = {"1280 x 720": (1280, 720), "1920 x 1080": (1920, 1080), "640 x 360": (640, 360)}
_LEGEND = f"""Activation of muscles: <span style="color:#2952cc">**0**</span> to
<span style="color:#db0d0f">**1**</span>.
<span style="color:#108a54">**Green**</span>: outline of the reference motion.
<span style="color:#c07800">**Orange**</span>: goal. {NO_ARMS}

Point at a muscle to read its name. Drag to turn, scroll to come nearer, drag with the right button to move. P runs and
pauses, R starts again."""


class ViewPanel:
    """Controls of how it is shown."""

    def __init__(self, gui: viser.GuiApi, session: Session, scene: BodyScene, linger: float) -> None:
        """Add the controls to the container that is open."""
        self._session, self._scene, self._shown = session, scene, Shown()
        self.export = VideoExport(session.body)
        self._camera = gui.add_dropdown("Look from", tuple(CAMERAS), initial_value="diagonal")
        self._follow = gui.add_checkbox("Follow the body", scene.follow)
        self._ghost = gui.add_checkbox("Show the reference", scene.ghost)
        gui.add_markdown(_LEGEND)
        with gui.add_folder("Video of this episode"):
            self._size = gui.add_dropdown("Size", tuple(_SIZES))
            self._last = gui.add_slider("Last seconds", 1, 60, 1, 10)
            self._shadows = gui.add_checkbox("Shadows", True)
            self._keep = gui.add_button("Export video", icon=viser.Icon.VIDEO)
            self._progress = gui.add_markdown("Drawn beside the simulation, then downloaded as .mp4.")
        gui.add_markdown(
            f"Closing the last tab ends the viewer {linger:g} s later, and its command; nothing is kept but what you "
            "export. Loading the page again within that time goes on."
        )

    def connect(self, on: On, post: Post) -> None:
        """Bring the controls to life."""
        scene = self._scene
        on(self._camera, lambda: scene.look(self._camera.value))
        on(self._follow, lambda: setattr(scene, "follow", self._follow.value))
        on(self._ghost, lambda: setattr(scene, "ghost", self._ghost.value))

        async def keep(event: Any) -> None:
            client = event.client
            if client is not None:
                post(lambda: self._export(client))

        self._keep.on_click(keep)

    def update(self) -> None:
        """Say how the export stands."""
        status = self.export.status
        if status and self._shown.new("export", status):
            self._progress.content = plain(status)

    def _export(self, client: viser.ClientHandle) -> None:
        session = self._session
        if not session.moments or session.simulation is None:
            raise ValueError("there is nothing to export yet.")
        past = list(session.moments)[: session.cursor + 1][-round(self._last.value * FPS) :]
        width, height = _SIZES[self._size.value]
        view: View = self._camera.value
        picture = PictureConfig(width=width, height=height, camera=view, shadows=self._shadows.value)
        self.export.start(past, session.simulation.title, picture, client.send_file_download)
