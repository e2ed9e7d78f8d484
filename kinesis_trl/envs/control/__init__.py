"""What an action means: an object that knows its width, its mirror, its start, and how a policy step follows from it.

A new control is a config in `config`, which loads without PyTorch, and a file with the `Control` that it makes.
"""
