"""Change the clip of a viewer again and again with a tab open, and see that memory stays level.

An hour with a change every ten seconds: python -m tests.viewer.soak --changes 360 --pause 10
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import tempfile
import threading
import time
import weakref
from pathlib import Path

import msgspec
import psutil

from kinesis_trl.body.model import load_body
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.viewer.offer import Offer
from kinesis_trl.viewer.session import Choice, Session
from tests.conftest import marching
from tests.viewer.conftest import holds, serving, wait_for
from tests.viewer.test_guard import CAMERA, socket_to

CLIPS = ("march", "turning")
WARM = 10
"""Changes after which buffers have their size."""
MOST_GROWTH = 60e6
"""Bytes by which memory may grow afterwards; a simulation takes 8 MB, and what is freed comes back in pieces."""
KEPT = 10
"""Simulations that are kept on purpose at the end, to see that growth would be noticed."""


async def _tab(viewer, closed):
    """A tab that reads what is sent and forgets it."""
    async with socket_to(viewer) as socket:
        await socket.send(msgspec.msgpack.encode(CAMERA))
        while not closed.is_set():
            try:
                await asyncio.wait_for(socket.recv(), 0.2)
            except TimeoutError:
                continue


class Soak:
    """A watched session whose clips change."""

    def __init__(self, session, viewer):
        self._session, self._viewer, self._count = session, viewer, 0
        self._replaced: list[weakref.ref] = []

    def change(self, times, pause=0.0, kept=None):
        """Change the clip so many times; what was replaced is appended to `kept`. Returns bytes of memory."""
        session = self._session
        for _ in range(times):
            self._count += 1
            wanted, before = CLIPS[self._count % len(CLIPS)], session.simulation
            self._viewer.post(lambda clip=wanted: session.another(clip=clip))
            wait_for(lambda old=before: session.simulation is not old and len(session.moments) > 3)
            assert session.choice.clip == wanted and session.message == ""
            self._replaced.append(weakref.ref(before))
            if kept is not None:
                kept.append(before)
            time.sleep(pause)
        before = None
        gc.collect()
        return psutil.Process().memory_info().rss

    @property
    def alive(self):
        """How many simulations that were replaced are still in memory."""
        return sum(found() is not None for found in self._replaced)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=60, help="how often the clip changes, from 5")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between changes")
    given = parser.parse_args()
    body = load_body()
    closed = threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        clips = [marching(body, turn=turn, name=name) for name, turn in zip(CLIPS, (0.0, 0.7), strict=True)]
        MotionLibrary.build(clips, body).save(Path(folder) / "march")
        offer = Offer(body, str(Path(folder) / "march"))
        session = Session(body, offer.make)
        session.change(Choice(policy="reference", clip=CLIPS[0]))
        session.settle()
        with serving(session, offer, linger=60.0) as viewer:
            reading = threading.Thread(target=lambda: asyncio.run(_tab(viewer, closed)))
            reading.start()
            try:
                wait_for(lambda: viewer.watched)
                soak = Soak(session, viewer)
                warm = soak.change(WARM)
                sizes = [soak.change(5, given.pause) for _ in range(given.changes // 5)]
                holds(lambda: not soak.alive, 10)  # the last one may be in use for one more frame
                alive = soak.alive
                leaked: list = []
                with_leak = soak.change(KEPT, kept=leaked)
            finally:
                closed.set()
                reading.join(10)
    grown, seen = max(sizes) - warm, with_leak - sizes[-1]
    line = f"{given.changes} changes: {warm / 1e6:.0f} MB after {WARM}, then {[round(b / 1e6) for b in sizes]}; "
    sys.stdout.write(f"{line}{alive} replaced simulations alive; {KEPT} kept ones took {seen / 1e6:.0f} MB\n")
    if grown > MOST_GROWTH or alive:
        sys.exit(f"memory grew by {grown / 1e6:.0f} MB; {alive} replaced simulations are still there")
    if seen < MOST_GROWTH:
        sys.exit(f"{KEPT} simulations kept on purpose were seen as {seen / 1e6:.0f} MB only: growth would go unnoticed")


if __name__ == "__main__":
    main()
