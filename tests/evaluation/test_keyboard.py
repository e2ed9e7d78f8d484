"""Keys that command the body."""

import pytest

from kinesis_trl.evaluation.keyboard import BindingError, Bindings, DisplayError, require_display


def test_the_numeric_keypad_by_default():
    keys = Bindings.of()
    glfw_keypad_0 = 320
    told = {k: keys.command(glfw_keypad_0 + k) for k in range(10)}
    assert told[8] == "away" and told[2] == "towards" and told[4] == "left" and told[6] == "right"
    assert told[7] == "away left" and told[3] == "towards right" and told[5] == "stop" and told[0] is None
    assert keys.command(333) == "slower" and keys.command(334) == "faster"


def test_other_keys_by_config():
    keys = Bindings.of(["w=away", "space=stop", "==faster", "kp8=towards"])
    assert keys.command(ord("W")) == "away" and keys.command(32) == "stop" and keys.command(61) == "faster"
    assert keys.command(328) == "towards"


def test_the_page_hears_digits_letters_and_arrows():
    keys = Bindings.of(["w=away", "space=stop", "left=left", "f=slower"]).hotkeys
    assert keys["8"] == keys["W"] == "away" and keys["5"] == keys["space"] == "stop" and keys["arrowleft"] == "left"
    assert keys["F"] == keys["G"] == "slower" and not set("+-=") & set(keys)


def test_bad_bindings():
    with pytest.raises(BindingError, match="no key 'f13'; choose one of"):
        Bindings.of(["f13=away"])
    with pytest.raises(BindingError, match="no command 'fly'; choose one of away"):
        Bindings.of(["w=fly"])
    with pytest.raises(BindingError, match="KEY=COMMAND"):
        Bindings.of(["away"])


def test_without_a_display_the_browser_is_named(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(DisplayError, match=r"kinesis view"):
        require_display()
    monkeypatch.setenv("DISPLAY", ":0")
    require_display()
