"""`python -m kinesis_trl.distil` is `kinesis distil`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main("distil")
