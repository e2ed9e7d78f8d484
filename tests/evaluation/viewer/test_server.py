"""Serving the page: addresses that cannot be had, and what is left afterwards. No browser needed."""

import socket
import threading
import urllib.request

import pytest

from kinesis_trl.evaluation.viewer.server import Viewer, ViewerError
from tests.evaluation.viewer.conftest import serving, wait_for


def test_a_port_in_use_and_a_wrong_host_are_refused_at_once(session, repertoire):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ViewerError, match="--port"):
        Viewer(session, repertoire, port=taken.getsockname()[1])
    for settings in ({"host": "203.0.113.7"}, {"host": "no.such.host.invalid"}, {"port": 70000}):
        with pytest.raises(ViewerError, match="cannot listen"):
            Viewer(session, repertoire, **settings)


def test_nothing_runs_before_a_tab_is_open_and_nothing_stays_after_closing(session, repertoire, capfd):
    before = set(threading.enumerate())
    with serving(session, repertoire) as viewer:
        with urllib.request.urlopen(viewer.url) as page:
            assert page.status == 200 and b"<html" in page.read(2000)
        assert viewer.url.startswith("http://127.0.0.1:") and not viewer.watched
        assert len(session.moments) == 1
    with socket.create_server(("127.0.0.1", int(viewer.url.rsplit(":", 1)[1]))):
        pass
    wait_for(lambda: not {t for t in threading.enumerate() if t not in before and not t.daemon})
    assert capfd.readouterr().out == ""


def test_calls_run_on_the_loop_and_their_errors_become_messages(session, repertoire):
    seen = []
    with serving(session, repertoire) as viewer:
        viewer.post(lambda: seen.append(threading.current_thread().name))
        viewer.post(lambda: session.weaken(["nonsense"], 0.0))
        viewer.post(lambda: seen.append("after"))
        wait_for(lambda: len(seen) == 2)
    assert seen == [viewer.url, "after"] and "no muscle 'nonsense'" in session.message


def test_no_tunnel_to_the_internet_is_opened(session, repertoire):
    with serving(session, repertoire) as viewer:
        assert viewer._server.request_share_url() is None
