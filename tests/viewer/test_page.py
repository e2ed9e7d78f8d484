"""The page in a browser: what is drawn, what each control does to the session, what stays after closing."""

import base64
import io
import socket
import threading

import numpy as np
import pytest
from PIL import Image

from kinesis_trl.viewer.session import Choice, Session
from tests.viewer.conftest import holds, serving, wait_for

pytestmark = pytest.mark.slow


class Hands:
    """What a user does to a page of viser."""

    def __init__(self, browser):
        from selenium.webdriver.common.by import By
        from selenium.webdriver.common.keys import Keys

        self.browser, self.by, self.keys = browser, By, Keys

    def find(self, xpath):
        def shown():
            return [e for e in self.browser.find_elements(self.by.XPATH, xpath) if e.is_displayed()]

        wait_for(shown)
        return shown()[0]

    def press(self, text):
        self.click(self.find(f"//button[normalize-space()='{text}']"))

    def click(self, element):  # wherever it has been scrolled to
        self.browser.execute_script("arguments[0].click()", element)

    def open_tab(self, text):
        self.find(f"//*[@role='tab'][@title='{text}']").click()
        wait_for(lambda: self.find(f"//*[@role='tab'][@title='{text}']").get_attribute("aria-selected") == "true")

    def field(self, label, kind="not(@type='hidden')"):
        self.find(f"//label[normalize-space()='{label}']")
        return self.browser.find_element(
            self.by.XPATH, f"//label[normalize-space()='{label}']/following::input[{kind}]"
        )

    def choose(self, label, value):
        from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException

        def chosen():  # a list unfolds when it likes, and is drawn anew while it does; others may still be folding
            try:
                box = self.field(label)
                if box.get_attribute("aria-expanded") != "true":
                    self.click(box)
                    return False
                mine = f"//*[@id='{box.get_attribute('aria-controls')}']"
                self.click(self.browser.find_element(self.by.XPATH, f"{mine}//*[@role='option'][@value='{value}']"))
            except (NoSuchElementException, StaleElementReferenceException):
                return False
            return True

        wait_for(chosen)

    def set(self, label, value, done):
        """Type until `done()`: a slow page may draw a field anew between two keys."""

        def typed():
            self.write(self.field(label, "@inputmode='decimal'"), str(value))
            return holds(done, 5)

        wait_for(typed)

    def write(self, box, text, control=None):
        box.send_keys(self.keys.CONTROL, "a")
        box.send_keys(text)
        if control is not None:  # viser drops a text that is followed by a click within 50 ms
            wait_for(lambda: control.value == text)

    def says(self, text):
        wait_for(lambda: text in self.browser.find_element(self.by.TAG_NAME, "body").text)


DRAWN = 0.003
"""Share of a picture from which muscles or bones are there."""


def shares(browser):
    """Shares of pixels that are muscle and bone, in the middle, beside notices and controls; 0 before there are any."""
    taken = browser.execute_async_script(  # a screenshot of a busy page takes longer than the driver waits
        "const done = arguments[0], canvas = (window.__viserMutable || {}).canvas;"
        "requestAnimationFrame(() => done(canvas ? canvas.toDataURL() : ''))"
    )
    if not taken.partition(",")[2]:
        return np.zeros(2)
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(taken.split(",")[1]))).convert("RGB")).astype(int)
    red, green, blue = np.moveaxis(image[:, int(0.33 * image.shape[1]) : int(0.64 * image.shape[1])], -1, 0)
    muscle = (abs(blue - red) > 60) & (green < 140)  # strongly blue or red
    bone = (red - blue > 6) & (red - blue < 80)  # floor and background are grey
    return np.array([muscle.mean(), bone.mean()])


@pytest.fixture(scope="module")
def viewer(browser, body, offer):
    session = Session(body, offer.make)
    session.change(Choice(policy="reference", clip="march"))
    session.settle()
    session.set_speed(0.5)
    session.set_playing(False)  # no picture becomes old before a page without a GPU has drawn its first
    with serving(session, offer, linger=60.0) as viewer:
        viewer._scene.ghost = False  # a second set of bones takes a browser without a GPU half of its time
        browser.set_script_timeout(300)
        browser.get(viewer.url)
        if not holds(lambda: viewer.watched and (shares(browser) > DRAWN).all(), 60):
            browser.refresh()
            wait_for(lambda: viewer.watched and (shares(browser) > DRAWN).all(), 240)
        yield viewer


@pytest.fixture
def watched(viewer):
    return viewer.session


@pytest.fixture
def hands(browser, viewer):
    return Hands(browser)


def test_bones_and_muscles_are_drawn(browser, viewer, watched, hands):
    hands.says("march")
    scene, before = viewer._scene, shares(browser)

    def becomes(what, *, muscles, bones):
        """Show them; a page that is still drawing more than it showed at first is waited for as well."""
        scene._muscles.visible = muscles
        for handle in scene._bones.values():
            handle.visible = bones
        wait_for(lambda: what(*shares(browser)), 300)

    becomes(lambda muscle, bone: muscle < 0.5 * before[0] and bone > DRAWN, muscles=False, bones=True)
    becomes(lambda muscle, bone: muscle > 0.7 * before[0] and bone < 0.5 * before[1], muscles=True, bones=False)
    becomes(lambda muscle, bone: muscle > 0.7 * before[0] and bone > 0.7 * before[1], muscles=True, bones=True)


def test_play_pause_scrub_and_speed(watched, hands):
    hands.press("Play")
    wait_for(lambda: watched.playing)
    hands.press("Pause")
    wait_for(lambda: not watched.playing)
    hands.press("Start again")
    wait_for(lambda: watched.cursor == 0)

    def paused_late_enough():  # before a slow page has passed the click on, the clip may have begun anew
        hands.press("Play")
        wait_for(lambda: watched.playing and watched.cursor > 15)
        hands.press("Pause")  # what is typed into a field that counts on would be overwritten between two keys
        wait_for(lambda: not watched.playing)
        return watched.cursor > 15

    wait_for(paused_late_enough)
    hands.set("Time (s)", 0.3, lambda: watched.shown.seconds == pytest.approx(0.3))
    hands.set("Speed (×)", 0.4, lambda: watched.speed == pytest.approx(0.4))
    hands.press("Play")
    wait_for(lambda: watched.playing)


def test_keys_play_and_pause(watched, hands, viewer):
    from selenium.webdriver import ActionChains

    viewer.post(lambda: watched.set_playing(True))
    wait_for(lambda: watched.playing)
    hands.browser.execute_script("document.activeElement.blur()")
    ActionChains(hands.browser).send_keys("p").perform()
    wait_for(lambda: not watched.playing)
    ActionChains(hands.browser).send_keys("p").perform()
    wait_for(lambda: watched.playing)


def test_clip_and_policy_are_chosen(watched, hands):
    hands.open_tab("Motion")
    hands.choose("Clip", "turning")
    wait_for(lambda: watched.choice.clip == "turning")
    hands.choose("Policy", "zero")
    wait_for(lambda: watched.choice.policy == "zero")
    hands.says("turning")


def test_a_sentence_becomes_a_motion_and_nonsense_a_message(watched, hands, viewer):
    hands.open_tab("Motion")
    hands.choose("Task", "Say what to do")
    hands.write(hands.field("Sentence"), "fly to the moon", viewer._page.motion.sentence)
    hands.press("Do it")
    hands.says("not understood: 'fly', 'moon'")
    hands.write(hands.field("Sentence"), "walk forward 1 meter", viewer._page.motion.sentence)
    hands.press("Do it")
    wait_for(lambda: watched.choice.sentence == "walk forward 1 meter" and watched.choice.task == "text")
    hands.says("walk forward 1 meter (0)")
    hands.choose("Task", "Follow a clip")
    wait_for(lambda: watched.choice.task == "imitation")


def test_lesions_and_strength_act_on_the_running_simulation(watched, hands, viewer):
    hands.open_tab("Muscles")
    strength = lambda: watched.simulation.env.physics.strength  # noqa: E731
    tibialis = watched.body.muscle_names.index("tibant_l")
    hands.write(hands.field("Cut"), "tibant_x", viewer._page.muscles.cut)
    hands.press("Cut them")
    hands.says("did you mean")
    assert (strength() == 1).all()
    hands.press("Heal all")  # the next action clears what went wrong before
    wait_for(lambda: not viewer._page.trouble.visible)
    hands.write(hands.field("Cut"), "tibant_l, tibant_r", viewer._page.muscles.cut)
    hands.field("Cut").send_keys(hands.keys.ENTER)
    wait_for(lambda: strength()[tibialis] == 0)
    hands.says("tibant_l: cut")
    hands.set("All muscles (%)", 70, lambda: strength().max() == pytest.approx(0.7))
    hands.choose("Muscles", "soleus_r")
    soleus = watched.body.muscle_names.index("soleus_r")
    hands.set("Their strength (%)", 50, lambda: strength()[soleus] == pytest.approx(0.35))
    hands.press("Heal all")
    wait_for(lambda: strength().min() == 1)
    hands.says("All muscles are whole")


def test_directions_are_obeyed_by_button_and_key(watched, hands):
    from selenium.webdriver import ActionChains

    hands.open_tab("Motion")
    hands.choose("Task", "Steer it")
    wait_for(lambda: watched.choice.task == "directional")
    hands.press("↑")
    wait_for(lambda: watched.simulation.title == "Told to go away at 0.8 m/s")
    hands.says("Told to go away")
    hands.press("faster")
    wait_for(lambda: watched.simulation.title == "Told to go away at 0.9 m/s")
    hands.browser.execute_script("document.activeElement.blur()")
    for key, way in (("4", "go left"), ("5", "stand")):
        ActionChains(hands.browser).send_keys(key).perform()
        wait_for(lambda way=way: way in watched.simulation.title)
    hands.choose("Task", "Follow a clip")
    wait_for(lambda: watched.choice.task == "imitation")


def test_chosen_muscles_are_plotted(watched, hands, browser):
    hands.open_tab("Plot")
    hands.choose("Red", "glmax1_r")
    drawn = (
        "const plots = Object.values((window.__viserTestpoints || {}).uplots || {}).map(p => p.chart);"
        "return plots.map(c => [c.series[1].label, c.width, c.data[1].length, Math.max(...c.data[1])])"
    )
    wait_for(lambda: [p for p in browser.execute_script(drawn) if p[0] == "glmax1_r" and p[1] > 100 and p[3] >= 0])


def test_the_camera_follows_or_stays_and_the_reference_is_shown_or_hidden(viewer, hands):
    hands.open_tab("View")
    for label, name in (("Follow the body", "follow"), ("Show the reference", "ghost")):
        for wanted in (False, True):
            hands.click(hands.field(label))
            wait_for(lambda name=name, wanted=wanted: getattr(viewer._scene, name) == wanted)
    hands.click(hands.field("Show the reference"))
    wait_for(lambda: not any(handle.visible for handle in viewer._scene._ghosts.values()))
    hands.click(hands.field("Show the reference"))
    wait_for(lambda: all(handle.visible for handle in viewer._scene._ghosts.values()))
    viewer._scene.ghost = False


def test_a_place_is_gone_to_and_the_body_is_pushed(watched, hands, viewer, monkeypatch):
    pushes, push = [], watched.push
    monkeypatch.setattr(watched, "push", lambda *push_of: (pushes.append(push_of), push(*push_of)))
    hands.open_tab("Motion")
    hands.choose("Task", "Go to a place")
    wait_for(lambda: watched.choice.task == "point-goal" and viewer._scene._goal.visible)
    hands.set("Left (m)", -1, lambda: viewer._page.motion.left.value == -1)
    hands.press("Go there")
    wait_for(lambda: watched.choice.goal[1] == -1)
    hands.says("m to the right")
    hands.press("behind")
    wait_for(lambda: pushes)
    assert pushes == [(viewer._page._force.value, "behind")] and watched.message == ""
    hands.choose("Task", "Follow a clip")
    wait_for(lambda: watched.choice.task == "imitation" and not viewer._scene._goal.visible)


def test_a_muscle_at_the_pointer_is_named(browser, viewer, hands):
    # the page looks once a picture; here at once, as a browser without a GPU takes seconds for one
    found = """
    const canvas = window.__viserMutable.canvas, box = canvas.getBoundingClientRect();
    const tip = document.getElementById("muscle-name"), usual = window.requestAnimationFrame;
    for (let k = 0; k < 500; k++) {
      const clientX = box.left + box.width * (0.4 + 0.2 * ((k * 0.618) % 1));
      const clientY = box.top + box.height * (0.3 + 0.5 * ((k * 0.755) % 1));
      let look = () => {};
      window.requestAnimationFrame = (f) => { look = f; return 0; };
      canvas.dispatchEvent(new PointerEvent("pointermove", {clientX, clientY, bubbles: true}));
      window.requestAnimationFrame = usual;
      look();
      if (tip.style.display === "block") return tip.textContent;
    }
    return "";
    """
    wait_for(lambda: browser.execute_script(found))
    name = browser.execute_script(found)
    assert name.endswith(")") and name[name.rindex("(") + 1 : -1] in viewer.session.body.muscle_names


def test_a_closed_tab_ends_the_viewer(browser, session, offer):
    with serving(session, offer, linger=0.5) as viewer:
        loop = next(t for t in threading.enumerate() if t.name == viewer.url)
        first = browser.current_window_handle
        browser.switch_to.new_window("tab")
        browser.get(viewer.url)
        wait_for(lambda: viewer.watched, 60)
        wait_for(lambda: len(session.moments) > 3)
        browser.close()
        browser.switch_to.window(first)
        wait_for(lambda: not viewer.watched)
        loop.join(10)
        assert not loop.is_alive()
    with socket.create_server(("127.0.0.1", viewer.port)):
        pass  # the port is free again
