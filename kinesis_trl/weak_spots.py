"""`python -m kinesis_trl.weak_spots` is `kinesis failure_map`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main("failure_map")
