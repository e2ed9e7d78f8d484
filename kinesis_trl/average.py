"""`python -m kinesis_trl.average` is `kinesis average`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main("average")
