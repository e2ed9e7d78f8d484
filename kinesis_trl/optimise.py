"""`python -m kinesis_trl.optimise` is `kinesis optimise`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main("optimise")
