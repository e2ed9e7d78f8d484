"""`python -m kinesis_trl.eval` is `kinesis eval`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main("eval")
