"""Requests and messages that must not reach, change or end the viewer. No browser needed."""

import asyncio
import http.client
import math
import time

import msgspec
import pytest
import viser
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from kinesis_trl.viewer.guard import MOST_BYTES, well_formed
from tests.viewer.conftest import serving, wait_for

CAMERA = {
    "type": "ViewerCameraMessage", "wxyz": [1.0, 0, 0, 0], "position": [2.0, -2.9, 1.5], "fov": 0.75, "near": 0.01,
    "far": 1000.0, "image_height": 700, "image_width": 1000, "look_at": [0, 0, 0.85], "up_direction": [0, 0, 1.0],
}  # fmt: skip


@pytest.fixture(scope="module")
def viewer(body, offer):
    from kinesis_trl.viewer.session import Choice, Session

    session = Session(body, offer.make)
    session.change(Choice(policy="reference", clip="march"))
    session.settle()
    with serving(session, offer, linger=60.0) as viewer:
        yield viewer


def get(viewer, target, host=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", viewer.port, timeout=10)
    connection.putrequest("GET", target, skip_host=True)
    for name, value in {"Host": host or f"127.0.0.1:{viewer.port}", **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    return answer


def token(viewer):
    return viewer.url.rsplit("=", 1)[1]


def test_the_page_needs_its_token_its_host_and_no_other_origin(viewer):
    target = f"/?token={token(viewer)}"
    page = get(viewer, target)
    assert page.status == 200 and page.getheader("X-Frame-Options") == "SAMEORIGIN"
    assert page.getheader("Access-Control-Allow-Origin") is None
    kept = page.getheader("Set-Cookie").split(";")[0]
    assert get(viewer, "/", Cookie=kept).status == 200
    for refused in (
        get(viewer, "/"),
        get(viewer, "/?token=guess"),
        get(viewer, target, host="evil.example"),
        get(viewer, target, host=f"evil.example:{viewer.port}"),
        get(viewer, "/", Origin="http://evil.example", Cookie=kept),
        get(viewer, target, Origin="null"),
    ):
        assert refused.status == 403 and refused.getheader("Set-Cookie") is None


def socket_to(viewer, *, secret=True, origin=None, host=None):
    return connect(
        f"ws://127.0.0.1:{viewer.port}/" + (f"?token={token(viewer)}" if secret else ""),
        origin=origin,
        additional_headers={"Host": host} if host else None,
        subprotocols=[f"viser-v{viser.__version__}"],
        max_size=None,
        proxy=None,
    )


@pytest.mark.parametrize(
    "way",
    [{"secret": False}, {"origin": "http://evil.example"}, {"origin": "http://evil.example", "secret": False},
     {"origin": "null"}, {"origin": "http://localhost:3000"}],
)  # fmt: skip
def test_a_page_of_another_origin_gets_no_socket(viewer, way):
    async def attempt():
        async with socket_to(viewer, **way):
            pass

    with pytest.raises(InvalidStatus, match="403"):
        asyncio.run(attempt())


def controls(viewer):
    return {h.label: h._impl.uuid for h in viewer._server.gui._gui_input_handle_from_uuid.values() if h.label}


def update(uuid, value, name="value"):
    return msgspec.msgpack.encode({"type": "GuiUpdateMessage", "uuid": uuid, "updates": {name: value}})


def hostile(viewer):
    """What a hand-made client could send."""
    ids = controls(viewer)
    yield from (b"", b"\xc1", b"null", b"\xff" * 500, b"\x91" * 5000, b"\xdd\xff\xff\xff\xff", "text")
    for label in ("Task", "Policy", "Clip"):
        yield from (update(ids[label], value) for value in ("no such", 3, None, ["march"], {"a": 1}, 1e308, "x" * 3000))
    for label in ("Time (s)", "Speed (×)", "All muscles (%)", "Their strength (%)"):
        yield from (update(ids[label], v) for v in (1e308, -1e308, math.nan, math.inf, "1", True, None, [], 10**15))
    for label in ("Cut", "Sentence"):
        yield from (update(ids[label], value) for value in (3, None, [], "x" * 50_000))
    for label in ("Task", "Time (s)", "Pause"):
        yield from (
            update(ids[label], v, n) for n in ("removed", "update_cb", "options", "props") for v in ([], None, 1)
        )
    yield update("no such control", 1)
    known = {s.__name__ for s in viser._messages.Message.get_subclasses()}
    for kind in sorted(known | {"NoSuchMessage"}):
        yield msgspec.msgpack.encode({"type": kind})
        yield msgspec.msgpack.encode(
            {"type": kind, "uuid": ids["Task"], "name": "/bones", "updates": {}, "source": "x"}
        )
    for name, value in (("position", [math.nan, 0, 0]), ("image_height", 0), ("wxyz", [1, 0]), ("look_at", "up")):
        yield msgspec.msgpack.encode({**CAMERA, name: value})


def test_no_message_ends_the_viewer_or_changes_what_it_shows(viewer, caplog):
    session = viewer.session

    async def attack():
        async with socket_to(viewer) as socket:
            reading = asyncio.create_task(_drain(socket))
            await socket.send(msgspec.msgpack.encode(CAMERA))
            while not viewer.watched:
                await asyncio.sleep(0.02)
            for message in hostile(viewer):
                await socket.send(message)
            await socket.send(update(controls(viewer)["Speed (×)"], 0.5))  # the connection is still good
            end = time.monotonic() + 10
            while session.speed != 0.5 and time.monotonic() < end:
                await asyncio.sleep(0.02)
            reading.cancel()

    before, speed = session.choice, session.speed
    asyncio.run(attack())
    assert session.speed == 0.5 != speed and session.choice == before and session.preparing is None
    assert session.message == "" and not session.weakened and session.overall == 1
    assert not [r for r in caplog.records if r.levelname == "ERROR"]


async def _drain(socket):
    async for _ in socket:
        pass


def test_a_huge_message_costs_only_its_own_connection(viewer):
    async def send():
        async with socket_to(viewer) as socket:
            await socket.send(b"\0" * (MOST_BYTES + 1))
            await _drain(socket)

    with pytest.raises(ConnectionClosed, match="1009"):
        asyncio.run(send())
    assert get(viewer, f"/?token={token(viewer)}").status == 200


def test_errors_of_what_users_do_are_shown_and_the_show_goes_on(viewer, monkeypatch):
    done = []
    for error in (KeyError("task"), OverflowError("1e308"), RuntimeError("odd"), RecursionError("deep")):
        viewer.post(lambda error=error: (_ for _ in ()).throw(error))
        viewer.post(lambda error=error: done.append((type(error).__name__, viewer.session.message)))
    wait_for(lambda: len(done) == 4)
    assert all(message.startswith(name) for name, message in done)
    viewer.session.message = ""


@given(raw=st.binary(max_size=200))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_judged_without_an_exception(raw):
    assert well_formed(raw, lambda uuid, value: True) in (True, False)
