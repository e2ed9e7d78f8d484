"""Errors of the agents package; each message says what was found, what was expected, and the mend."""

from __future__ import annotations

from kinesis_trl.failures import PrintableError


class CheckpointError(PrintableError):
    """A policy file cannot be read, written, or used for the task at hand."""


class CheckpointNotWrittenError(CheckpointError, OSError):
    """The disk refused a policy file; the earlier one is whole."""


class CovarianceError(ArithmeticError):
    """The covariance of a policy is not positive definite, even with jitter on its diagonal."""
