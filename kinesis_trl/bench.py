"""`python -m kinesis_trl.bench` is `kinesis bench`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main("bench")
