"""Everything that defines a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from tyro.conf import AvoidSubcommands

from kinesis_trl.agents.config import CriticConfig, GaussianConfig, LatticeConfig, MixtureConfig
from kinesis_trl.body.subject import Subject
from kinesis_trl.envs.config import SHARED, EnvConfig, ImitationConfig
from kinesis_trl.envs.goal_config import GoalConfig
from kinesis_trl.settings import FileOnly


@dataclass(frozen=True, kw_only=True)
class PPOConfig:
    """Proximal policy optimisation (Schulman et al. 2017)."""

    gamma: float = 0.97
    """Discount per policy step of 1/30 s."""
    lmbda: float = 0.95
    """Decay of the generalised advantage estimate."""
    clip: float = 0.2
    """Clipping range of the probability ratio."""
    epochs: int = 4
    """Passes over each batch."""
    minibatch: int = 1024
    """Samples per gradient step."""
    policy_lr: float = 1e-3
    """Initial learning rate of the policy; a warm-started policy begins at min_lr where target_kl adapts the rate."""
    critic_lr: float = 1e-3
    """Learning rate of the value function."""
    min_lr: FileOnly[float] = 1e-5
    """Smallest learning rate of the policy when it is adapted."""
    max_lr: FileOnly[float] = 1e-3
    """Largest learning rate of the policy when it is adapted."""
    target_kl: float | None = 0.1
    """KL divergence per iteration to which the policy's learning rate is adapted; None: constant rate."""
    final_kl: float | None = None
    """Value to which target_kl decays geometrically over the run, with stop_kl in proportion; None: constant."""
    stop_kl: float | None = 0.3
    """KL divergence at which the remaining passes of an iteration are skipped; None: never."""
    reward_scale: float = 1.0
    """Factor on all rewards while learning; the value function learns best where returns are about 10."""
    value_first: int = 0
    """Iterations at the start that train only the value function: an untrained one would mislead a trained policy."""
    entropy: float = 0.0
    """Weight of the entropy bonus."""
    smooth: float = 0.0
    """Weight in the policy's loss of the mean squared change of its mean action from one step to the next (Mysore et
    al. 2021, ICRA)."""
    small: float = 0.0
    """Weight in the policy's loss of its mean squared mean action."""
    max_grad_norm: FileOnly[float] = 1.0
    """Largest norm of the gradient, policy and value function each."""
    bootstrap: bool = True
    """Whether returns of truncated episodes bootstrap from the value function; in the original truncation is an end."""
    average: float = 0.98
    """Decay per iteration of the exponential moving average of the policy's weights, smaller in the first iterations;
    the averaged policy is evaluated and saved. 0: no averaging."""
    autocast: bool | None = False
    """Whether networks are trained in bfloat16: faster, with log-probabilities off by up to 0.02; None: where the
    processor has instructions for it."""

    def __post_init__(self) -> None:
        if not (0 < self.gamma <= 1 and 0 <= self.lmbda <= 1 and self.clip > 0):
            raise ValueError(f"gamma {self.gamma}, lmbda {self.lmbda}, clip {self.clip}: expected 0…1, 0…1, > 0.")
        if not 0 <= self.average < 1:
            raise ValueError(f"average {self.average} must lie in 0…1, 1 excluded.")
        if self.smooth < 0 or self.small < 0:
            raise ValueError(f"smooth {self.smooth} and small {self.small} must not be negative.")
        if self.epochs < 1 or self.minibatch < 1 or self.max_grad_norm <= 0:
            raise ValueError("epochs and minibatch must be at least 1 and max_grad_norm positive.")
        if self.reward_scale <= 0 or self.value_first < 0:
            raise ValueError(
                f"reward_scale {self.reward_scale} must be positive, value_first {self.value_first} not negative."
            )
        if self.final_kl is not None and (self.target_kl is None or not 0 < self.final_kl <= self.target_kl):
            raise ValueError(f"final_kl {self.final_kl} must lie above 0 and not above target_kl {self.target_kl}.")
        if not 0 < self.min_lr <= self.policy_lr <= self.max_lr or self.critic_lr <= 0:
            raise ValueError(
                f"policy_lr {self.policy_lr} must lie in [{self.min_lr}, {self.max_lr}], critic_lr above 0."
            )


@dataclass(frozen=True, kw_only=True)
class CollectConfig:
    """Where experience comes from. The number of environments and steps per iteration does not depend on it."""

    mode: Literal["in-process", "workers", "ray"] = "in-process"
    """One process for up to about 16 cores, worker processes above, Ray actors across machines."""
    workers: int = 1
    """Worker processes or actors; the environments are shared out evenly."""
    horizon: int = 64
    """Policy steps of each environment per iteration."""
    worker_threads: FileOnly[int] = 1
    """Simulation threads of each worker."""
    sizes: tuple[str, ...] = ()
    """Sizes of the workers' bodies in turn, as --subject takes them; random: a stature from 1.50 to 1.95 m."""

    def __post_init__(self) -> None:
        if self.workers < 1 or self.horizon < 1 or self.worker_threads < 1:
            raise ValueError("workers, horizon and worker_threads must be at least 1.")
        if self.mode == "in-process" and self.workers != 1:
            raise ValueError(f"{self.workers} workers need --collect.mode workers or ray.")
        if self.sizes and self.mode == "in-process":
            raise ValueError("sizes need --collect.mode workers or ray, a worker or more for each.")
        for size in self.sizes:
            if size != "random":
                Subject.read(size)


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """Evaluation while training."""

    every: int = 500_000
    """Steps between evaluations, besides the one at the end; 0 for none at all."""
    motions: str = "locomotion-v1/test"
    """Motions to evaluate on."""
    images: int = 1
    """Clips drawn as a moving picture for the dashboard at each evaluation; needs off-screen OpenGL."""


@dataclass(frozen=True, kw_only=True)
class TrackingConfig:
    """Where the numbers of a run go."""

    aim: bool = True
    """Whether to record in Aim too; metrics.jsonl is always written."""
    repository: FileOnly[Path | None] = None
    """Folder whose .aim holds the Aim repository, one for all runs, so that they can be compared; None: that of the
    run's own folder."""
    experiment: FileOnly[str] = "kinesis_trl"
    """Experiment that Aim lists the run under."""
    tags: tuple[str, ...] = ()
    """Tags of the run."""
    patience: FileOnly[float] = 120.0
    """Longest that Aim may take for one call before the run goes on without it, in seconds."""


_FORMER_WEIGHTS = {
    "effort_weight": "effort_weight",
    "upright_weight": "upright_weight",
    "upright_scale": "upright_scale",
    "progress_weight": "progress_weight",
    "near_reward": "near_weight",
    "velocity_weight": "command_weight",
    "velocity_scale": "command_scale",
}
"""Fields of the rewards of tasks with a goal until version 0.2, and what they are now."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One run: a policy trained on a set of clips."""

    FORMER: ClassVar[dict[str, str]] = {"goal": "part of env (_type: PointGoalConfig or DirectionalConfig)"}
    """Fields that settings of earlier versions have, and what they are now."""

    name: str = "expert0"
    """Name of the run; its folder is runs/NAME."""
    runs: Path = Path("runs")
    """Folder of all runs."""
    body: str = "myolegs"
    """Body by name: legs (80 muscles), legs_abs (86), legs_back (290), or a path to a KINESIS model file."""
    motions: str = "locomotion-v1/train"
    """locomotion-v1/train, /test or /demo, a folder written by kinesis prepare, or motion files of any format."""
    clips: Path | None = None
    """File with the names of the clips to train on, as kinesis mine writes it; None for all."""
    warm_start: Path | None = None
    """Policy to start from: a folder with policy.safetensors, or an original model.pth."""
    warm_noise: float = 1.0
    """Factor on the standard deviation of the exploration noise of the policy in warm_start; below 1 refines it."""
    env: EnvConfig = field(default_factory=ImitationConfig)
    """The task; a task with a goal starts from the policy in warm_start."""
    actor: Annotated[LatticeConfig | GaussianConfig, AvoidSubcommands] = field(default_factory=LatticeConfig)
    """The policy."""
    critic: CriticConfig = field(default_factory=CriticConfig)
    """The value function."""
    experts: FileOnly[tuple[Path, ...]] = ()
    """Trained policies to mix: trains a gate over them instead of a new policy."""
    mixture: FileOnly[MixtureConfig] = field(default_factory=MixtureConfig)
    """The gate, where experts are given."""
    ppo: PPOConfig = field(default_factory=PPOConfig)
    """Proximal policy optimisation."""
    collect: CollectConfig = field(default_factory=CollectConfig)
    """Where experience comes from."""
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    """Evaluation while training."""
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    """Aim tracking."""
    total_steps: int = 10_000_000
    """Policy steps of all environments together."""
    total_seconds: float | None = None
    """Seconds of collecting and learning, over all starts of the run, after which it ends before total_steps; None: no
    limit."""
    checkpoint_seconds: FileOnly[float] = 180.0
    """Seconds between checkpoints."""
    seed: int = 0
    """Seed of everything: the same seed gives the same run on the same machine."""
    torch_threads: int = 2
    """Threads of the networks."""

    @staticmethod
    def upgraded(value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Settings as they were until version 0.2, with a goal beside the fields of imitation, in today's form."""
        goal, env = value.get("goal"), value.get("env", {})
        rest = {name: field for name, field in value.items() if name != "goal"}
        if goal is None and isinstance(env, Mapping):
            return rest | {"env": {"_type": ImitationConfig.__name__, **env}}
        if not (isinstance(goal, Mapping) and isinstance(env, Mapping)):
            return value
        reward = {new: goal[old] for old, new in _FORMER_WEIGHTS.items() if old in goal}
        task = {name: field for name, field in goal.items() if name not in _FORMER_WEIGHTS}
        shared = {name: env[name] for name in SHARED if name in env}
        return rest | {"env": {**shared, **task, "reward": reward}}

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.runs / self.name

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name or self.name.startswith("."):
            raise ValueError(f"name {self.name!r} cannot be a folder's; use letters, digits, - and _.")
        if not self.env.name:
            raise ValueError("env is of no task; give it _type: ImitationConfig, or that of another task.")
        if self.env.num_envs % self.collect.workers:
            raise ValueError(
                f"{self.env.num_envs} environments cannot be shared out evenly to {self.collect.workers} workers."
            )
        if not self.warm_noise > 0:
            raise ValueError(f"warm_noise must be positive, got {self.warm_noise}.")
        if self.total_steps < 1 or self.torch_threads < 1:
            raise ValueError("total_steps and torch_threads must be at least 1.")
        if self.total_seconds is not None and not self.total_seconds > 0:
            raise ValueError(f"total_seconds must be positive, got {self.total_seconds}.")


@dataclass(frozen=True, kw_only=True)
class DaggerConfig:
    """Dataset aggregation: how a learner is fitted to the labels of its teacher (Ross et al. 2011)."""

    labels: int = 200_000
    """States that the teacher labels, in all."""
    horizon: int = 16
    """Policy steps of each environment between two rounds of fitting."""
    gradient_steps: int = 32
    """Gradient steps of a round."""
    minibatch: int = 1024
    """Labels per gradient step."""
    lr: float = 1e-3
    """Learning rate at the start; it falls to a tenth by the end."""
    handover: float = 0.4
    """Share of the labels after which only the learner acts; until then the teacher acts ever more rarely."""
    noise: float = 0.05
    """Standard deviation of the noise on all actions made, which leads to more states; labels have none."""
    mirror: bool = True
    """Whether half of each minibatch is mirrored left to right. Not for a learner that does not observe which side is
    to act: from a stand the teacher lifts one foot first, in the mirror the other, and their mean lifts neither."""
    memory: int = 200_000
    """Newest labels that are fitted; a label takes 1.3 kB."""
    save_seconds: float = 120.0
    """Seconds between two checkpoints of the learner."""

    def __post_init__(self) -> None:
        for name in ("labels", "horizon", "gradient_steps", "minibatch", "memory"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if not (self.lr > 0 and 0 <= self.handover <= 1 and self.noise >= 0 and self.save_seconds >= 0):
            raise ValueError("lr must be positive, handover lie in 0…1, noise and save_seconds not be negative.")


DAGGER = DaggerConfig(labels=2_000_000, noise=0.01)
"""How a learner that observes the reference is fitted."""
GOAL_DAGGER = DaggerConfig(labels=1_000_000, noise=0.01, mirror=False)
"""How a learner that observes a goal is fitted."""


@dataclass(frozen=True, kw_only=True)
class DistilConfig:
    """Teacher, motions, and where the learner goes."""

    policy: Path
    """The teacher: a policy folder, trained with control feedforward."""
    out: Path
    """Folder of the learner, a policy with control pd; one that is there goes on."""
    goal: FileOnly[GoalConfig | None] = None
    """Task whose goal the learner observes instead of the reference; None: the reference."""
    motions: str = "locomotion-v1/train"
    """As for training; not read with a goal."""
    evaluation: str = "locomotion-v1/test"
    """Motions on which teacher and learner are compared at the end; not read with a goal."""
    references: int = 256
    """Planner references, an episode each, on which a learner that observes a goal gets labels."""
    body: str = "myolegs"
    """Body by name: legs (80 muscles), legs_abs (86), legs_back (290), or a path to a KINESIS model file."""
    learner: Annotated[LatticeConfig | GaussianConfig, AvoidSubcommands] = field(
        default_factory=lambda: LatticeConfig(action_log_std=-3.0, latent_log_std=-3.0)
    )
    """The learner; its exploration noise is not learnt here."""
    dagger: DaggerConfig = field(default_factory=lambda: DAGGER)
    """How it is fitted."""
    num_envs: int = 128
    """Number of environments stepped together."""
    threads: int = 1
    """Threads of the simulation; results do not depend on it."""
    seed: int = 0
    """Seed of everything."""


@dataclass(frozen=True, kw_only=True)
class BenchConfig:
    """What to time, and for how long."""

    motions: str = "locomotion-v1/test"
    """Motions to follow: as for kinesis eval."""
    num_envs: int = 64
    """Environments stepped together."""
    steps: int = 12
    """Policy steps a round."""
    rounds: int = 9
    """Rounds; each times everything once."""
    instructions: bool = False
    """Count the instructions of a physics step as well, by valgrind: takes a minute, and load does not change it."""
    json: Path | None = None
    """Write all figures to this file; refused on a busy machine."""
    busy: bool = False
    """Write the file on a busy machine too: times, and ratios to a lesser degree, then depend on what else runs."""
    seed: int = 0
    """Seed of the environments."""
