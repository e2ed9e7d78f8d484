"""Tasks for the body as natively batched TorchRL and Gymnasium environments."""
