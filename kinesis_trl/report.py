"""`python -m kinesis_trl.report` is `kinesis report`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main("report")
