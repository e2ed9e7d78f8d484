"""The view that Aim opens with: is the policy getting better, in six charts of all runs."""

from __future__ import annotations

import json
import logging
import urllib.request
from typing import Any

from kinesis_trl.web_access import WebAccess

NAME = "Training at a glance"
"""Name of the view among Aim's bookmarks."""
CHARTS = ("kinesis_success", "kinesis_coverage", "kinesis_mpjpe_mm", "reward", "reached_end", "kl")
"""Metrics shown, a chart each: evaluation, then training. None of them is also logged by category."""

_STATE: dict[str, Any] = {
    "select": {
        "options": [],
        "query": "",
        "advancedMode": True,
        "advancedQuery": f"metric.name in {list(CHARTS)}",
    },
    "grouping": {"chart": ["name"], "color": ["run.props.name"]},
    "chart": {"ignoreOutliers": False, "legends": {"display": True, "mode": "pinned"}},
}
_log = logging.getLogger(__name__)


def prepared_view(access: WebAccess, port: int) -> str:
    """Path of the prepared view on a running dashboard, made where it is not there yet; "/" where that fails."""
    try:
        for board in _call(access, port, "/api/dashboards/"):
            if board["name"] == NAME and board["app_id"]:
                return f"/metrics/{board['app_id']}"
        app = _call(access, port, "/api/apps/", {"type": "metrics", "state": _STATE})["id"]
        view = {
            "name": NAME,
            "description": "Success, coverage and error; reward, episodes that reached the end, KL",
            "app_id": app,
        }
        _call(access, port, "/api/dashboards/", view)
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("Aim opens without the prepared view: %s", error)
        return "/"
    return f"/metrics/{app}"


def _call(access: WebAccess, port: int, path: str, content: dict[str, Any] | None = None) -> Any:
    """GET, or POST where there is content; the answer's JSON."""
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(access.url(port, path), data=body, headers={"Content-Type": "application/json"})
    # No proxy of the environment may stand between us and our own machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=20) as answer:
        return json.load(answer)
