"""Memory of a viewer whose clips change again and again, with a tab open.

An hour with a change every ten seconds: KINESIS_SOAK=360 python -m pytest tests/viewer/test_memory.py -s
"""

import asyncio
import gc
import os
import sys
import threading

import msgspec
import psutil
import pytest

from kinesis_trl.viewer.session import Choice, Session
from tests.viewer.conftest import serving, wait_for
from tests.viewer.test_guard import CAMERA, socket_to

pytestmark = pytest.mark.slow
CHANGES = int(os.environ.get("KINESIS_SOAK", "60"))
WARM = 20
"""Changes after which buffers have their size."""
MOST_GROWTH = 30e6
"""Bytes; one environment of the viewer takes about 15 MB."""


async def tab(viewer, closed):
    """A tab that reads what is sent and forgets it."""
    async with socket_to(viewer) as socket:
        await socket.send(msgspec.msgpack.encode(CAMERA))
        while not closed.is_set():
            try:
                await asyncio.wait_for(socket.recv(), 0.2)
            except TimeoutError:
                continue


def test_memory_stays_level_while_clips_change(body, offer):
    session = Session(body, offer.make)
    session.change(Choice(policy="reference", clip="march"))
    session.settle()
    session.set_speed(4.0)
    closed, sizes = threading.Event(), []
    with serving(session, offer, linger=60.0) as viewer:
        reading = threading.Thread(target=lambda: asyncio.run(tab(viewer, closed)))
        reading.start()
        try:
            wait_for(lambda: viewer.watched)
            clips = ("turning", "in place", "march")
            for k in range(CHANGES + WARM):
                wanted, before = clips[k % 3], session.simulation
                viewer.post(lambda clip=wanted: session.another(clip=clip))
                wait_for(lambda old=before: session.simulation is not old and len(session.moments) > 3)
                assert session.choice.clip == wanted and session.message == ""
                if k % 5 == 4:
                    gc.collect()
                    sizes.append(psutil.Process().memory_info().rss)
        finally:
            closed.set()
            reading.join(10)
    warm = sizes[WARM // 5 - 1]
    sys.stdout.write(f"\n{CHANGES} changes: {warm / 1e6:.0f} MB after {WARM}, then {[round(b / 1e6) for b in sizes]}\n")
    assert max(sizes[-3:]) < warm + MOST_GROWTH
