"""The panel that says what to do: task, policy, planner, and what each task needs."""

from __future__ import annotations

from functools import partial
from typing import Any

import viser

from kinesis_trl.evaluation.keyboard import Bindings
from kinesis_trl.viewer.controls import On, Shown, known, plain, put
from kinesis_trl.viewer.offer import Offer
from kinesis_trl.viewer.scene import BodyScene
from kinesis_trl.viewer.session import Choice, Session

_TASKS = {
    "Follow a clip": "imitation",
    "Go to a place": "point-goal",
    "Go to a ball": "ball",
    "Steer it": "directional",
    "Say what to do": "text",
}
_ARROWS = {
    "↖": "away left", "↑": "away", "↗": "away right",
    "←": "left", "stop": "stop", "→": "right",
    "↙": "towards left", "↓": "towards", "↘": "towards right",
    "slower": "slower", "faster": "faster",
}  # fmt: skip
"""Commands of the directional task by the buttons that give them; rows of a pad, and the speed."""
_REACH = 2.0
"""Furthest goal on each axis, in metres."""


class MotionPanel:
    """Controls of what is simulated."""

    def __init__(
        self,
        gui: viser.GuiApi,
        session: Session,
        offer: Offer,
        scene: BodyScene,
        bindings: Bindings,
    ) -> None:
        """Add the controls to the container that is open."""
        self._session, self._offer, self._scene = session, offer, scene
        self._shown = Shown()
        choice = session.preparing or session.choice or Choice()
        policies = tuple(offer.policies)
        task = next(label for label, name in _TASKS.items() if name == choice.task)
        self.task = gui.add_dropdown("Task", tuple(_TASKS), initial_value=task)
        self.policy = gui.add_dropdown("Policy", policies, initial_value=known(choice.policy, policies))
        self._described = gui.add_markdown(plain(offer.descriptions[self.policy.value]))
        self.planner = gui.add_checkbox(
            "Planner (MPPI)",
            choice.planner,
            hint="Correct each action by samples simulated ahead; needs a trained policy, slower than the clock.",
        )
        self.clip = gui.add_dropdown("Clip", offer.clips, initial_value=known(choice.clip, offer.clips))
        self._place = gui.add_folder("Goal")
        with self._place:
            self.ahead = gui.add_slider("Ahead (m)", -_REACH, _REACH, 0.1, choice.goal[0])
            self.left = gui.add_slider("Left (m)", -_REACH, _REACH, 0.1, choice.goal[1])
            self._go = gui.add_button("Go there")
        self._form = gui.add_form("In words")
        with self._form:
            self.sentence = gui.add_text("Sentence", choice.sentence or "walk forward 3 meters, then turn left")
            self._say = gui.add_button("Do it")
        self._steering = gui.add_folder("Steer")
        with self._steering:
            arrows = tuple(_ARROWS)
            self._orders = [
                gui.add_button_group("Direction" if k == 0 else "", arrows[k : k + 3]) for k in range(0, 9, 3)
            ]
            self._orders.append(gui.add_button_group("Speed", arrows[9:]))
            gui.add_markdown(_keys_in_words(bindings))

    def connect(self, on: On) -> None:
        """Bring the controls to life."""
        for control in (self.task, self.policy, self.clip, self.planner):
            on(control, self._choose)
        on(self._go, self._choose, "on_click")
        on(self._say, self._speak, "on_click")
        on(self._form, self._speak, "on_submit")
        for group in self._orders:
            on(group, partial(self._order, group), "on_click")

    def update(self) -> None:
        """Show what is simulated, and the controls that its task needs."""
        session = self._session
        # what could not be prepared stays in the controls, to be mended
        if session.preparing is None and session.choice is not None and self._shown.new("choice", session.choice):
            choice = session.choice
            put(self.task, next(label for label, name in _TASKS.items() if name == choice.task))
            put(self.policy, known(choice.policy, tuple(self._offer.policies)))
            put(self.clip, known(choice.clip, self._offer.clips))
            put(self.planner, choice.planner)
        if self._shown.new("policy", self.policy.value):
            self._described.content = plain(self._offer.descriptions[self.policy.value])
            self.planner.disabled = self._offer.policies[self.policy.value] is None
        task = _TASKS[self.task.value]
        if self._shown.new("task", task):
            self.clip.visible = task == "imitation"
            self._place.visible = task == "point-goal"
            self._form.visible = task == "text"
            self._steering.visible = task == "directional"
            self._scene.look("behind" if task == "directional" else "diagonal")

    def _order(self, group: Any) -> None:
        self._session.command(_ARROWS[group.value])

    def _choose(self) -> None:
        trained = self._offer.policies[self.policy.value] is not None
        self._session.another(
            task=_TASKS[self.task.value],
            policy=self.policy.value,
            clip=self.clip.value,
            sentence=self.sentence.value,
            goal=(self.ahead.value, self.left.value),
            planner=self.planner.value and trained,
        )

    def _speak(self) -> None:
        self._session.another(task="text", sentence=self.sentence.value)


def _keys_in_words(bindings: Bindings) -> str:
    usual, mine = Bindings.of().hotkeys, bindings.hotkeys
    other = [f"{key} {command}" for key, command in mine.items() if usual.get(key) != command]
    text = "Keys: numpad or 1–9 for directions, 5 stops, F faster, G slower."
    return f"{text} Yours: {plain(', '.join(other))}." if other else text
