"""A session on made-up clips, and a browser to look at it with."""

import shutil
import threading
import time
from contextlib import contextmanager

import pytest

from kinesis_trl.viewer.offer import Offer
from kinesis_trl.viewer.server import Viewer
from kinesis_trl.viewer.session import Choice, Session


@pytest.fixture(scope="session")
def offer(body, library, tmp_path_factory):
    folder = tmp_path_factory.mktemp("viewer") / "march"
    library.save(folder)
    return Offer(body, str(folder))


@pytest.fixture
def session(body, offer):
    made = Session(body, offer.make)
    made.change(Choice(policy="reference", clip="march"))
    made.settle()
    yield made
    made.close()


@contextmanager
def serving(session, offer, **settings):
    """A viewer whose loop runs beside the test; leaving checks that nothing stays."""
    viewer = Viewer(session, offer, port=0, **settings)
    loop = threading.Thread(target=viewer.run, name=viewer.url)
    loop.start()
    try:
        yield viewer
    finally:
        viewer.stop()
        loop.join(10)
        assert not loop.is_alive()
        viewer.close()


def holds(what, seconds):
    """Poll until `what()` is true; whether it came to be."""
    end = time.monotonic() + seconds
    while not (done := what()) and time.monotonic() < end:
        time.sleep(0.05)
    return bool(done)


def wait_for(what, seconds=60.0):
    """Poll until `what()` is true."""
    assert holds(what, seconds), "it did not happen"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Headless Chromium that draws in software."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("no chromium with chromedriver here (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1000,700",
        "--force-device-scale-factor=0.5",  # a quarter of the pixels
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(argument)
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield made
    made.quit()
