"""The PyTorch backend. Importing it imports no PyTorch."""

from archspec_torch.target import TorchBackend

backend = TorchBackend()

__all__ = ["TorchBackend", "backend"]
