"""What may reach viser's server: requests that `WebAccess` allows, and messages of the kinds that the page sends.

viser takes any origin, sets any attribute of a control that a message names, and passes any value on. Here a message
is checked before viser sees it; one that is not well formed is dropped, and the connection goes on.
"""

from __future__ import annotations

import contextlib
import http
import math
import threading
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

import msgspec
import viser
import websockets.asyncio.server
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from kinesis_trl import web_access
from kinesis_trl.web_access import SAFE_HEADERS, WebAccess

MOST_BYTES = 1 << 16
"""Longest message in bytes; the longest that the page sends is a sentence."""
_MOST_LETTERS = 2000
_FAR = 1e6  # metres

_Id = Annotated[str, msgspec.Meta(max_length=64)]
_Real = Annotated[float, msgspec.Meta(ge=-_FAR, le=_FAR)]
_Pixels = Annotated[int, msgspec.Meta(ge=1, le=1 << 16)]
_Value = bool | int | float | Annotated[str, msgspec.Meta(max_length=_MOST_LETTERS)]
_Point = tuple[_Real, _Real, _Real]

Accepts = Callable[[str, Any], bool]
"""Whether the control with an id may take a value."""


class _Message(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    excluded_self_client: None = None


class _Update(_Message, tag="GuiUpdateMessage"):
    uuid: _Id
    updates: dict[Literal["value"], _Value]


class _Submit(_Message, tag="GuiFormSubmitMessage"):
    uuid: _Id


class _Dirty(_Message, tag="GuiFormDirtyMessage"):
    uuid: _Id


class _Command(_Message, tag="CommandTriggerMessage"):
    uuid: _Id


class _Camera(_Message, tag="ViewerCameraMessage"):
    wxyz: tuple[_Real, _Real, _Real, _Real]
    position: _Point
    fov: _Real
    near: _Real
    far: float
    image_height: _Pixels
    image_width: _Pixels
    look_at: _Point
    up_direction: _Point


_DECODER = msgspec.msgpack.Decoder(_Update | _Submit | _Dirty | _Command | _Camera)


def well_formed(raw: Any, accepts: Accepts) -> bool:
    """Whether bytes from a browser are a message of the page whose value its control may take."""
    try:
        message = _DECODER.decode(raw)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return False
    if isinstance(message, _Camera):
        return math.isfinite(message.far)
    if isinstance(message, _Update):
        return all(accepts(message.uuid, value) for value in message.updates.values())
    return True


def fits(control: Any, value: Any) -> bool:
    """Whether a control may take a value: one of its options, within its range, of its type."""
    options = getattr(control, "options", None)
    if options is not None:
        return value in options
    low, high = getattr(control, "min", None), getattr(control, "max", None)
    if low is not None and high is not None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and math.isfinite(value) and low <= value <= high
    return type(value) is type(control.value)


class GuardedServer(viser.ViserServer):
    """A server of this machine. It opens no tunnel to the internet, whoever asks."""

    def __init__(self, access: WebAccess, port: int) -> None:
        """Serve at `access.host` and `port`; 0 takes any."""
        with _guarded_sockets(access, self._accepts):
            super().__init__(host=access.host, port=port, verbose=False)

    def request_share_url(self, verbose: bool = True) -> str | None:
        """Refused; viser's page could otherwise ask for a public address."""
        return None

    def _accepts(self, uuid: str, value: Any) -> bool:
        control = self.gui._gui_input_handle_from_uuid.get(uuid)
        return control is not None and fits(control, value)


_PATCHING = threading.Lock()


@contextlib.contextmanager
def _guarded_sockets(access: WebAccess, accepts: Accepts) -> Iterator[None]:
    """Let the socket that is opened meanwhile check what it gets; viser offers no place for it."""
    usual = websockets.asyncio.server.serve

    class Connection(ServerConnection):
        async def recv(self, decode: bool | None = None) -> Any:
            while True:
                raw = await super().recv(decode)
                if well_formed(raw, accepts):
                    return raw

    def serve(*arguments: Any, process_request: Any, **settings: Any) -> Any:
        def checked(connection: ServerConnection, request: Request) -> Response | None:
            port = int(connection.local_address[1])
            reason = access.refusal(_in_short(request), port)
            if reason:
                return _answer(http.HTTPStatus.FORBIDDEN, f"Refused: {reason}\n")
            response: Response | None = process_request(connection, request)
            if response is not None:
                for name, value in access.headers(port).items():
                    response.headers[name] = value
            return response

        return usual(
            *arguments,
            **{**settings, "process_request": checked, "create_connection": Connection, "max_size": MOST_BYTES},
        )

    with _PATCHING:
        websockets.asyncio.server.serve = serve  # type: ignore[assignment, misc]
        try:
            yield
        finally:
            websockets.asyncio.server.serve = usual  # type: ignore[misc]


def _in_short(request: Request) -> web_access.Request:
    get = request.headers.get_all
    return web_access.Request(request.path, get("Host"), get("Origin"), get("Cookie"))


def _answer(status: http.HTTPStatus, text: str) -> Response:
    body = text.encode()
    headers = Headers({"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body)), **SAFE_HEADERS})
    return Response(status.value, status.phrase, headers, body)
