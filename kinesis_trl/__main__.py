"""`python -m kinesis_trl` is `kinesis`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main()
