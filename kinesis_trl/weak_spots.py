"""`python -m kinesis_trl.weak_spots` is `kinesis weak_spots`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main("weak_spots")
