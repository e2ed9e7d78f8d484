"""Who may use a page that this machine serves: only a browser that was given its address, token and all.

A page of another origin can send requests to any port of this machine, and with DNS rebinding under a name of its
own. So a request must name this machine in `Host`, come from no other page by `Origin`, and bring a token, which is
in the address that the command prints and then in a cookie.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Names of this machine that are always allowed."""
_ANY = ("0.0.0.0", "::", "")

SAFE_HEADERS: Mapping[str, str] = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""Headers of every answer: no page of another origin may frame it, read it, or learn its address from a link."""


@dataclass(frozen=True)
class Request:
    """What decides whether a request is answered."""

    target: str
    """Path and query, as sent."""
    host: Sequence[str]
    """All `Host` headers."""
    origin: Sequence[str]
    """All `Origin` headers."""
    cookie: Sequence[str]
    """All `Cookie` headers."""


@dataclass(frozen=True)
class WebAccess:
    """Rules of one server."""

    host: str = "127.0.0.1"
    """Address that it listens at."""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    """Secret of this start."""

    def refusal(self, request: Request, port: int) -> str:
        """Why a request to `port` is refused, in one line; empty if it is allowed."""
        if len(request.host) != 1 or not self._is_mine(request.host[0], port):
            named = ", ".join(request.host)[:100]
            return f"Host {named!r} is not this server, expected one such as {LOOPBACK[0]}:{port} or localhost:{port}."
        if len(request.origin) > 1:
            return "more than one Origin."
        if request.origin and request.origin[0].lower() not in (
            f"{scheme}://{request.host[0].lower()}" for scheme in ("http", "https")
        ):
            return f"Origin {request.origin[0][:100]!r} is another page's."
        if not self._has_token(request, port):
            return "the token is missing or old; open the whole address that the command printed."
        return ""

    def url(self, port: int, path: str = "/") -> str:
        """Address of a page with its token."""
        host = LOOPBACK[0] if self.host in _ANY else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{port}{path}?token={self.token}"

    def headers(self, port: int) -> dict[str, str]:
        """`SAFE_HEADERS`, and the cookie that the browser brings from then on."""
        kept = f"{_cookie_name(port)}={self.token}; Path=/; HttpOnly; SameSite=Strict"
        return {**SAFE_HEADERS, "Set-Cookie": kept}

    def _is_mine(self, named: str, port: int) -> bool:
        try:
            parts = urlsplit(f"//{named}")
            name, given = parts.hostname or "", parts.port or 80
        except ValueError:
            return False
        if given != port or parts.netloc != named or "@" in named or parts.path or parts.query or parts.fragment:
            return False
        if name in (*LOOPBACK, self.host.lower()):
            return True
        # A rebound name is never a number.
        return self.host in _ANY and (_is_number(name) or name == socket.gethostname().lower())

    def _has_token(self, request: Request, port: int) -> bool:
        try:
            shown = parse_qs(urlsplit(request.target).query, max_num_fields=20).get("token", [])
        except ValueError:
            shown = []
        for pair in ";".join(request.cookie).split(";"):
            name, _, value = pair.strip().partition("=")
            if name == _cookie_name(port):
                shown.append(value)
        return any(secrets.compare_digest(one.encode(), self.token.encode()) for one in shown)


def _cookie_name(port: int) -> str:
    return f"kinesis_{port}"  # cookies do not tell ports apart


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
