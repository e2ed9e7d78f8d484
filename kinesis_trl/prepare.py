"""`python -m kinesis_trl.prepare` is `kinesis prepare`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main("prepare")
