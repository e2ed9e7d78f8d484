"""Options of planner and trajectory optimisation; importable without PyTorch, so that `--help` need not wait for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kinesis_trl.envs.terms.terminations import KINESIS


@dataclass(frozen=True, kw_only=True)
class NoiseConfig:
    """The noise on actions from which search and planner choose."""

    noise: float = 0.08
    """Standard deviation of the noise on each number of an action."""
    ar1: float = 0.8
    """AR(1) coefficient of the noise from one policy step to the next."""
    seed: int = 0
    """Seed of the noise."""

    def __post_init__(self) -> None:
        if not (self.noise > 0 and 0 <= self.ar1 < 1):
            raise ValueError(f"noise {self.noise} must be positive, and ar1 {self.ar1} lie in 0…1, 1 excluded.")


@dataclass(frozen=True, kw_only=True)
class SearchConfig(NoiseConfig):
    """How a clip is searched."""

    bodies: int = 64
    """Particles: bodies that follow a clip side by side."""
    clips: int = 4
    """Clips searched at once."""
    every: int = 3
    """Policy steps between two resamplings."""
    inverse_temperature: float = 1.0
    """Inverse temperature of resampling, per standard deviation of the bodies' returns."""
    distance_cost: float = 5.0
    """Cost per step and metre of mean distance from the clip, besides the reward, which vanishes far away."""
    memory: float = 0.9
    """Decay per policy step of the sum of rewards by which bodies are resampled."""
    far: float = 0.15
    """Mean distance of the tracked bodies from the clip at which a body is lost, in metres; no more than 0.5."""
    back: int = 20
    """Policy steps by which the search backtracks where all bodies are lost; up to four times as many when repeated."""
    tries: int = 8
    """Number of times that all bodies may be lost before the clip is given up."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bodies < 2 or self.clips < 1 or self.every < 1 or self.back < 1 or self.tries < 1:
            raise ValueError(
                f"bodies {self.bodies} must be at least 2, and clips {self.clips}, every {self.every}, "
                f"back {self.back} and tries {self.tries} at least 1."
            )
        if not 0 < self.far <= KINESIS.distance:
            raise ValueError(f"far {self.far} must lie in 0…{KINESIS.distance}, 0 excluded.")
        if not (self.distance_cost >= 0 and 0 <= self.memory < 1):
            raise ValueError(
                f"distance_cost {self.distance_cost} must not be negative, and memory {self.memory} lie in 0…1, 1 "
                "excluded."
            )


@dataclass(frozen=True, kw_only=True)
class RegulatorConfig:
    """Differences by which the simulation is linearised, and what deviations cost.

    Differences are as large as deviations that matter, so that a foot's touch is averaged over.
    """

    position_step: float = 0.004
    """Difference in positions, in metres and radians."""
    velocity_step: float = 0.04
    """Difference in velocities, in m/s and rad/s."""
    moment_step: float = 2.0
    """Difference in the moment of the muscles about a joint, in N m."""
    action_step: float = 0.02
    """Difference in an action."""
    position: float = 0.05
    """Deviation of a position, in metres and radians, that costs 1."""
    velocity: float = 0.5
    """Deviation of a velocity, in m/s and rad/s, that costs 1."""
    moment: float = 50.0
    """Deviation of a moment, in N m, that costs 1."""
    action: float = 0.05
    """Action that costs 1."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name} must be positive, got {value}.")


@dataclass(frozen=True, kw_only=True)
class RefineConfig:
    """How a motion is led closer to its clip."""

    rounds: int = 2
    """Linearisations of the simulation about the motion, which are most of the work; 0: no refinement."""
    corrections: int = 3
    """Most corrections by the same linear model, one after the other."""
    distance: float = 0.05
    """Distance of a tracked body from the clip that costs 1, in metres."""
    action: float = 0.2
    """Correction of the inverse solution that costs 1, as an action."""
    steadiness: float = 0.25
    """How much deviations from the present motion cost, as a share of what they cost the regulator."""

    def __post_init__(self) -> None:
        if self.rounds < 0 or self.corrections < 1:
            raise ValueError(f"rounds {self.rounds} must be at least 0, corrections {self.corrections} at least 1.")
        for name in ("distance", "action", "steadiness"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}.")


@dataclass(frozen=True, kw_only=True)
class OptimisationConfig:
    """How clips are optimised."""

    search: SearchConfig = field(default_factory=SearchConfig)
    """The first search of each clip, a particle filter."""
    refine: RefineConfig = field(default_factory=RefineConfig)
    """Refinement of what was found, by iterative LQR."""
    regulator: RegulatorConfig = field(default_factory=RegulatorConfig)
    """The linear-quadratic regulator about the result."""

    def rounds(self) -> tuple[SearchConfig, ...]:
        """The first search; of clips that it gives up, one by one with four times the bodies; and at last, far away."""
        first = self.search
        second = replace(first, bodies=4 * first.bodies, clips=1, noise=1.25 * first.noise)
        return first, second, replace(second, far=KINESIS.distance)


@dataclass(frozen=True, kw_only=True)
class MppiConfig(NoiseConfig):
    """MPPI before each policy step."""

    samples: int = 0
    """Copies of the body simulated before each step, at least 2; 12 is a good choice; 0: no MPPI."""
    steps: int = 16
    """Horizon in policy steps of 1/30 s."""
    distance_cost: float = 5.0
    """Cost per step and metre of the largest distance of a tracked body from the clip, besides the reward."""
    inverse_temperature: float = 3.0
    """Inverse temperature of the weights, per standard deviation of the samples' returns."""
    discount: float = 0.97
    """Discount per policy step; that of the value function."""
    every: int = 2
    """Policy steps between two plans, the last of which is followed meanwhile; half the time of planning each step."""
    retries: int = 4
    """Where all samples go astray: how often others are tried, with noise twice, three times, … as large."""
    astray: float = 0.2
    """Largest distance of a tracked body from the clip at the horizon, in metres, beyond which a sample is astray."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.samples < 0 or self.samples == 1 or self.steps < 1:
            raise ValueError(f"samples {self.samples} must be 0 or at least 2, and steps {self.steps} at least 1.")
        if self.retries < 0 or not self.astray > 0:
            raise ValueError(f"retries {self.retries} must not be negative, and astray {self.astray} be positive.")
        if not 1 <= self.every <= self.steps:
            raise ValueError(f"every {self.every} must lie in 1…steps ({self.steps}).")
        if not 0 < self.discount <= 1:
            raise ValueError(f"discount {self.discount} must lie in 0…1, 0 excluded.")
        if not (self.inverse_temperature >= 0 and self.distance_cost >= 0):
            raise ValueError(
                f"inverse_temperature {self.inverse_temperature} and distance_cost {self.distance_cost} must not be "
                "negative."
            )
