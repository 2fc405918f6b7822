"""Lion."""

from collections.abc import Callable, Iterable
from typing import Any

import torch


class Lion(torch.optim.Optimizer):
    """Lion (Chen et al. 2023): steps by the sign of an average of gradients."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        betas: tuple[float, float],
        weight_decay: float = 0.0,
        coupled: bool = False,
    ) -> None:
        """Take the weights; decay that is coupled is added to gradients."""
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})
        self.coupled = coupled

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Change the weights by their gradients."""
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                gradient = weight.grad
                if self.coupled:
                    gradient = gradient.add(weight, alpha=group["weight_decay"])
                else:
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                state = self.state[weight]
                if not state:
                    state["average"] = torch.zeros_like(weight)
                average = state["average"]
                weight.sub_(torch.lerp(gradient, average, beta1).sign_(), alpha=group["lr"])
                average.lerp_(gradient, 1 - beta2)
