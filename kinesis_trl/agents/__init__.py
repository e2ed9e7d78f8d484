"""Policies and value functions as TensorDict modules."""
