"""Serving the page: addresses that cannot be had, and what is left afterwards. No browser needed."""

import socket
import threading
import urllib.request

import mujoco
import numpy as np
import pytest

from kinesis_trl.viewer.server import Viewer, ViewerError
from tests.viewer.conftest import serving, wait_for


def test_a_port_in_use_and_a_wrong_host_are_refused_at_once(session, offer):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ViewerError, match="--port"):
        Viewer(session, offer, port=taken.getsockname()[1])
    for settings in ({"host": "203.0.113.7"}, {"host": "no.such.host.invalid"}, {"port": 70000}):
        with pytest.raises(ViewerError, match="cannot listen"):
            Viewer(session, offer, **settings)


def test_nothing_runs_before_a_tab_is_open_and_nothing_stays_after_closing(session, offer, capfd):
    before = set(threading.enumerate())
    with serving(session, offer) as viewer:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(viewer.url) as page:
            assert page.status == 200 and b"<html" in page.read(2000)
        assert viewer.url.startswith("http://127.0.0.1:") and not viewer.watched
        assert len(session.moments) == 1
    with socket.create_server(("127.0.0.1", viewer.port)):
        pass
    wait_for(lambda: not {t for t in threading.enumerate() if t not in before and not t.daemon})
    assert capfd.readouterr().out == ""


def test_calls_run_on_the_loop_and_their_errors_become_messages(session, offer):
    seen = []
    with serving(session, offer) as viewer:
        viewer.post(lambda: seen.append(threading.current_thread().name))
        viewer.post(lambda: session.weaken(["nonsense"], 0.0))
        viewer.post(lambda: seen.append("after"))
        wait_for(lambda: len(seen) == 2)
    assert seen == [viewer.url, "after"] and "no muscle 'nonsense'" in session.message


def test_a_paused_page_says_why_a_motion_could_not_be_made(session, offer, monkeypatch):
    monkeypatch.setattr(Viewer, "watched", True)
    session.set_playing(False)
    with serving(session, offer) as viewer:
        viewer.post(lambda: session.another(task="text", sentence="fly to the moon"))
        wait_for(lambda: session.message)
        wait_for(lambda: "not understood: 'fly', 'moon'" in viewer._page.trouble.content, 5)


def test_no_tunnel_to_the_internet_is_opened(session, offer):
    with serving(session, offer) as viewer:
        assert viewer._server.request_share_url() is None


def test_bones_muscles_and_ghost_of_one_moment_are_drawn_around_the_body(session, offer, body):
    for _ in range(8):
        session.tick()
    shown, names = session.shown, body.muscle_names
    data = mujoco.MjData(body.model)
    with serving(session, offer) as viewer:
        scene = viewer._scene
        for follow, shift in ((True, [*shown.qpos[:2], 0.0]), (False, [*shown.qpos[:2], 0.0])):
            scene.follow = follow
            scene.draw(shown.qpos, shown.activation, shown.reference)
            data.qpos[:] = shown.qpos
            mujoco.mj_kinematics(body.model, data)
            for part, handle in scene._bones.items():
                assert handle.batched_positions[0] == pytest.approx(data.xpos[part] - shift, abs=1e-5)
                assert handle.batched_wxyzs[0] == pytest.approx(data.xquat[part], abs=1e-5)
        used = scene._muscles.batched_scales[:, 2] > 0
        assert used.sum() > 2 * len(names) and np.abs(scene._muscles.batched_positions[used]).max() < 1.5
        knee = data.xpos[body.model.body("tibia_r").id] - shift
        assert np.linalg.norm(scene._muscles.batched_positions[used] - knee, axis=1).min() < 0.1
        scene.ghost = False
        scene.draw(shown.qpos, shown.activation, shown.reference)
        assert not any(handle.visible for handle in scene._ghosts.values())
