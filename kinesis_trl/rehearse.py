"""The name of `kinesis_trl.optimise` before; says so."""

from __future__ import annotations

import sys

MESSAGE = "kinesis_trl.rehearse is now kinesis_trl.optimise (trajectory optimisation), with the same options."


def main() -> None:
    """End with the new name."""
    sys.exit(MESSAGE)


if __name__ == "__main__":
    main()
