"""`python -m kinesis_trl.train` is `kinesis train`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main("train")
