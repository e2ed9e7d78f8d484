"""A policy by its name or path, with the settings it was made for: what every command that plays one starts from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from kinesis_trl.agents.baselines import BASELINES, Policy, baseline
from kinesis_trl.agents.checkpoint import PolicyCheckpoint, load_checkpoint
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.agents.mixture import MixtureActor, Remembering
from kinesis_trl.agents.transfer import transfer
from kinesis_trl.body.catalog import kind_of
from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.simulator import Sensing
from kinesis_trl.envs.base import MyoLegsEnv
from kinesis_trl.envs.control.config import ControlName, control_named
from kinesis_trl.envs.described import as_described
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.planning.config import MppiConfig
from kinesis_trl.planning.mppi import Mppi


@dataclass(frozen=True)
class Player:
    """A policy, and the environment it was made for."""

    settings: ImitationConfig
    """Settings of its environment."""
    make: Callable[[ImitationEnv], Policy]
    """Makes the policy for an environment that is known to fit; `policy` asks whether it does."""
    widths: tuple[int, int] | None = None
    """Observation and action of a trained policy."""
    trained_on: str = ""
    """The body that the policy was trained on, where it is another one (see `agents.transfer`)."""

    def policy(self, env: MyoLegsEnv) -> Policy:
        """The policy for an environment; raises CheckpointError where it observes or acts otherwise than that."""
        widths = (env.observation_width, env.action_spec.shape[-1])
        if self.widths not in (None, widths):
            raise CheckpointError(
                f"the policy observes {self.widths[0]} numbers and acts {self.widths[1]}, "
                f"this task gives {widths[0]} and takes {widths[1]}; it was trained for another task or body."
            )
        return self.make(env)  # type: ignore[arg-type]  # a trained policy takes any environment


def make_player(
    policy: str,
    body: BodyModel,
    settings: ImitationConfig,
    *,
    control: ControlName | None = None,
    sensing: Sensing | None = None,
    seed: int = 0,
    planner: MppiConfig | None = None,
) -> Player:
    """The policy, with what its checkpoint was trained with.

    Args:
        policy: one of `BASELINES`, a policy's folder, or an original model.pth.
        body: the body it acts on.
        settings: the environment, but for what the checkpoint decides.
        control: what actions mean; None: as trained, feedforward for the regulator, pd for another baseline.
        sensing: which moment is sensed; None: as trained, `original` for a model.pth.
        seed: of the random policy.
        planner: MPPI before each step; None: none.

    Raises:
        CheckpointError: no such policy, or a damaged one, or of another body where it cannot be matched to this one.
        ValueError: a planner about a baseline other than zero, or about a mixture with memory; a control for which
            the policy has too many or too few actions.
    """
    plans = planner is not None and planner.samples > 0
    if policy in BASELINES:
        if plans and policy != "zero":
            raise ValueError(
                f"the planner corrects a trained policy or zero, not {policy!r}; leave out --planner.samples."
            )
        usual = "feedforward" if policy == "regulator" else settings.control.name
        settings = _controlled(settings, control or usual)
        if planner is not None and plans:
            return Player(settings, lambda env: Mppi(env, baseline(policy, env), None, body, planner))
        made = count()
        return Player(settings, lambda env: baseline(policy, env, seed=seed + next(made)))
    path = Path(policy)
    if not path.exists():
        raise CheckpointError(f"no policy at {path}; give one of {', '.join(BASELINES)}, or the path of a policy.")
    loaded = load_checkpoint(path)
    other = loaded.body if path.is_dir() and kind_of(loaded.body or body.name) != kind_of(body.name) else ""
    settings = as_described(settings, {"sensing": "original"} if path.suffix == ".pth" else loaded.notes)
    if control and not other:
        _check_control(path, loaded.policy.action_width, settings.control.name, control, body)
    settings = _controlled(settings, control or settings.control.name)
    settings = replace(settings, physics=replace(settings.physics, sensing=sensing or settings.physics.sensing))
    if other:
        return _transferred(loaded, body, settings, planner if plans else None)
    actor = loaded.policy.eval()
    widths = (actor.observation_width, actor.action_width)
    if isinstance(actor, MixtureActor) and actor.config.memory:
        if plans:
            raise ValueError("the planner cannot follow a mixture's memory; leave out --planner.samples.")
        return Player(settings, lambda env: Remembering(actor, lambda: env.episode_steps), widths)
    if planner is not None and plans:
        return Player(settings, lambda env: Mppi(env, actor, loaded.critic, body, planner), widths)
    return Player(settings, lambda env: actor, widths)


def _transferred(
    loaded: PolicyCheckpoint, body: BodyModel, settings: ImitationConfig, planner: MppiConfig | None
) -> Player:
    """A player of a policy that was trained on another body."""

    def policy(env: MyoLegsEnv) -> Policy:
        actor, critic = transfer(loaded, env)
        return actor.eval() if planner is None else Mppi(env, actor.eval(), critic, body, planner)

    return Player(settings, policy, trained_on=loaded.body)


def _check_control(path: Path, width: int, trained: str, wanted: str, body: BodyModel) -> None:
    """ValueError where a policy's actions cannot be those of the control that is wanted."""
    takes = control_named(wanted).make(body, 1).width
    if takes != width:
        raise ValueError(
            f"{path} was trained with control {trained} and acts by {width} numbers; control {wanted} takes {takes}. "
            "Leave --control out, or give a policy that was trained with it."
        )


def _controlled(settings: ImitationConfig, control: str) -> ImitationConfig:
    """Settings with another control, by name; the same one keeps its parameters."""
    return settings if control == settings.control.name else replace(settings, control=control_named(control))
