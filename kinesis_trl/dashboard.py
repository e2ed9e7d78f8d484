"""`python -m kinesis_trl.dashboard` is `kinesis dashboard`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main("dashboard")
