"""`python -m kinesis_trl.view` is `kinesis view`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main("view")
