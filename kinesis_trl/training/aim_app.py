"""Aim's web application behind `WebAccess`: what `Dashboard` lets a web server of its own process serve.

Aim alone answers every origin, with credentials, and lets any page delete runs.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from kinesis_trl.web_access import Request, WebAccess

TOKEN = "KINESIS_DASHBOARD_TOKEN"
"""Environment variable that brings the token; arguments of a process are seen by all users of a machine."""
APP = "kinesis_trl.training.aim_app:app"
"""The application that a web server serves."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def guarded(application: Application, access: WebAccess) -> Application:
    """An ASGI application that answers what `access` allows, and tells no other origin that it may read."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await application(scope, receive, send)
        port = int(scope["server"][1])
        reason = access.refusal(_in_short(scope), port)
        if reason:
            return await _refuse(scope["type"], reason, send)

        async def sent(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                kept = [(n, v) for n, v in message.get("headers", ()) if not n.lower().startswith(b"access-control-")]
                message["headers"] = kept + _encoded(access.headers(port))
            await send(message)

        return await application(scope, receive, sent)

    return answer


def _in_short(scope: Scope) -> Request:
    def all_of(name: bytes) -> list[str]:
        return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]

    target = f"{scope['path']}?{scope.get('query_string', b'').decode('latin-1')}"
    return Request(target, all_of(b"host"), all_of(b"origin"), all_of(b"cookie"))


async def _refuse(kind: str, reason: str, send: Send) -> None:
    if kind == "websocket":
        return await send({"type": "websocket.close", "code": 1008})
    head = _encoded({"Content-Type": "text/plain; charset=utf-8"})
    await send({"type": "http.response.start", "status": 403, "headers": head})
    await send({"type": "http.response.body", "body": f"Refused: {reason}\n".encode()})


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


if TOKEN in os.environ:
    from aim.web.run import app as _aim

    app = guarded(_aim, WebAccess(token=os.environ[TOKEN]))
