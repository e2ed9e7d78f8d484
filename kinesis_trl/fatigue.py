"""`python -m kinesis_trl.fatigue` is `kinesis fatigue`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main("fatigue")
