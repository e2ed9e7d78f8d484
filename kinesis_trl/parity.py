"""`python -m kinesis_trl.parity` is `kinesis parity`."""

from kinesis_trl.commands import main

if __name__ == "__main__":
    main("parity")
