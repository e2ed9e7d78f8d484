"""`python -m kinesis_trl.robustness` is `kinesis robustness`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main("robustness")
