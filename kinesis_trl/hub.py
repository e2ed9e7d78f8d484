"""`python -m kinesis_trl.hub` is `kinesis hub`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main("hub")
