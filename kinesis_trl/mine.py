"""`python -m kinesis_trl.mine` is `kinesis mine`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main("mine")
