"""SGD with decoupled weight decay."""

from typing import Any

import torch


class DecoupledSGD(torch.optim.SGD):
    """SGD whose weight decay is taken from the weights themselves, not added to gradients."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Change the weights by their gradients, after their decay."""
        for group in self.param_groups:
            torch._foreach_mul_(group["params"], 1 - group["lr"] * group["decay"])
        return super().step(closure)
