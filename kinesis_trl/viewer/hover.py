"""Names of muscles beside the pointer, found by the page itself from the rods that it draws."""

from __future__ import annotations

import json

import viser
from viser import _messages

from kinesis_trl.body.model import BodyModel
from kinesis_trl.physiology.muscle_names import in_words
from kinesis_trl.viewer.scene import BodyScene

_SCRIPT = r"""
(() => {
  if (window.kinesisHover) return;
  window.kinesisHover = true;
  const names = NAMES, first = FIRST, reach = 7;
  const tip = document.createElement("div");
  tip.id = "muscle-name";
  tip.style.cssText = "position:fixed;z-index:9999;pointer-events:none;padding:2px 8px;border-radius:4px;" +
    "background:#222d;color:#fff;font:13px sans-serif;display:none";
  document.body.appendChild(tip);
  const times = (a, b) => {
    const c = new Float64Array(16);
    for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++)
      for (let k = 0; k < 4; k++) c[4 * j + i] += a[4 * k + i] * b[4 * j + k];
    return c;
  };
  const muscleAt = (x, y, box) => {
    const view = window.__viserMutable, tree = window.__viserSceneTree;
    const node = view && view.nodeRefFromName["/muscles"], camera = view && view.camera;
    const drawn = tree && tree.getState()["/muscles"];
    if (!node || !camera || !drawn || !drawn.message) return null;
    const rods = drawn.message.props, p = rods.batched_positions, q = rods.batched_wxyzs, s = rods.batched_scales;
    const m = times(camera.projectionMatrix.elements,
      times(camera.matrixWorldInverse.elements, node.matrixWorld.elements));
    const onScreen = (a, b, c) => {
      const w = m[3] * a + m[7] * b + m[11] * c + m[15];
      if (w <= 0) return null;
      return [box.left + box.width * (0.5 + 0.5 * (m[0] * a + m[4] * b + m[8] * c + m[12]) / w),
        box.top + box.height * (0.5 - 0.5 * (m[1] * a + m[5] * b + m[9] * c + m[13]) / w), w];
    };
    let best = null, nearest = reach, depth = Infinity;
    for (let i = 0; 3 * i + 2 < p.length; i++) {
      const half = s[3 * i + 2] / 2;
      if (!(half > 0)) continue;
      const [qw, qx, qy, qz] = [q[4 * i], q[4 * i + 1], q[4 * i + 2], q[4 * i + 3]];
      const d = [2 * (qx * qz + qw * qy) * half, 2 * (qy * qz - qw * qx) * half, (1 - 2 * (qx * qx + qy * qy)) * half];
      const a = onScreen(p[3 * i] - d[0], p[3 * i + 1] - d[1], p[3 * i + 2] - d[2]);
      const b = onScreen(p[3 * i] + d[0], p[3 * i + 1] + d[1], p[3 * i + 2] + d[2]);
      if (!a || !b) continue;
      const vx = b[0] - a[0], vy = b[1] - a[1], long = vx * vx + vy * vy;
      const t = long > 0 ? Math.max(0, Math.min(1, ((x - a[0]) * vx + (y - a[1]) * vy) / long)) : 0;
      const away = Math.hypot(x - a[0] - t * vx, y - a[1] - t * vy), w = a[2] + t * (b[2] - a[2]);
      const far = Math.max(away, 3);  // what is hit is hit: among those the one in front counts
      if (away > reach || far > nearest + 1 || (far >= nearest - 1 && w > depth)) continue;
      best = i; nearest = far; depth = w;
    }
    if (best === null) return null;
    let k = 0;
    while (k + 1 < first.length && first[k + 1] <= best) k++;
    return names[k] || null;
  };
  let waiting = null;
  const look = () => {
    const event = waiting;
    waiting = null;
    const canvas = window.__viserMutable && window.__viserMutable.canvas;
    const name = canvas && event.target === canvas
      ? muscleAt(event.clientX, event.clientY, canvas.getBoundingClientRect()) : null;
    tip.style.display = name ? "block" : "none";
    if (!name) return;
    tip.textContent = name;
    tip.style.left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 4) + "px";
    tip.style.top = event.clientY + 14 + "px";
  };
  const note = (event) => {
    if (waiting === null) requestAnimationFrame(look);
    waiting = event;
  };
  window.addEventListener("pointermove", note, true);
  window.addEventListener("pointerdown", note, true);
})();
"""


def name_muscles(server: viser.ViserServer, body: BodyModel, scene: BodyScene) -> None:
    """Let every tab show a muscle's name where the pointer is at it; a touch counts as well."""
    by_tendon = {int(t): name for t, name in zip(body.model.actuator_trnid[:, 0], body.muscle_names, strict=True)}
    names = [_said(by_tendon[t]) if t in by_tendon else "" for t in range(body.model.ntendon)]
    source = _SCRIPT.replace("NAMES", json.dumps(names), 1).replace("FIRST", json.dumps(scene.slots[:-1].tolist()), 1)
    server._websock_server.queue_message(_messages.RunJavascriptMessage(source=source))


def _said(name: str) -> str:
    """`tibant_l` as "tibialis anterior, left (tibant_l)"."""
    stem, _, side = name.rpartition("_")
    where = {"r": ", right", "l": ", left"}.get(side, "")
    return f"{in_words(stem) if where else name}{where} ({name})"
