"""Top-k accuracy."""

import torch
from torch import Tensor


def among(scores: Tensor, classes: Tensor, k: int) -> Tensor:
    """Whether the right class is among the k largest scores; of equal ones, the first is larger."""
    classes = classes.unsqueeze(1)
    right = scores.gather(1, classes)
    places = torch.arange(scores.shape[1], device=scores.device)
    places = places.view(-1, *[1] * (scores.ndim - 2))
    larger = (scores > right) | ((scores == right) & (places < classes))
    return larger.sum(1) < k
