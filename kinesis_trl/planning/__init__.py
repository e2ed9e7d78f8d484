"""MPPI about a policy, and trajectory optimisation: motions close to clips that the simulated body can make."""
