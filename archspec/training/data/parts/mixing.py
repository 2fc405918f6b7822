"""Mixup and CutMix as torchvision has them: each image with the one before it in the batch, the first with the last."""

from dataclasses import dataclass

import numpy as np

from archspec.training.data.parts.draws import Draws
from archspec.training.data.parts.exact import exact_exp, exact_log, exact_sin_cos
from archspec.training.data.parts.steps import Images, as_float


@dataclass(frozen=True)
class Mix:
    """Mixup or CutMix of a whole batch, each as likely as the other where both are asked for.

    A parameter alpha is that of the Beta distribution that the share is drawn from; 0 leaves that kind out.
    Mixup: Zhang et al. 2017 (arXiv:1710.09412). CutMix: Yun et al. 2019 (arXiv:1905.04899).
    """

    mixup: float = 0.0
    cutmix: float = 0.0

    def mix(self, images: Images, others: Images, draws: Draws) -> tuple[Images, float]:
        """The mixed images, and the share that each has of its own."""
        images = as_float(images)
        kind, across, down = draws.whole(3)
        cut = self.cutmix > 0 and (self.mixup <= 0 or kind < 0.5)
        share = symmetric_beta(self.cutmix if cut else self.mixup, draws)
        if not cut:
            images *= np.float32(share)
            images += np.float32(1.0 - share) * np.asarray(others, np.float32)
            return images, share
        height, width = images.shape[1:3]
        half = 0.5 * float(np.sqrt(1.0 - share))
        x, y = int(across * width), int(down * height)
        high, wide = int(half * height), int(half * width)
        top, bottom, left, right = max(y - high, 0), min(y + high, height), max(x - wide, 0), min(x + wide, width)
        images[:, top:bottom, left:right] = others[:, top:bottom, left:right]
        return images, 1.0 - (bottom - top) * (right - left) / (width * height)


def symmetric_beta(alpha: float, draws: Draws) -> float:
    """A number of the distribution Beta(alpha, alpha).

    From 1/2 on, by Ulrich's method (Computers & Mathematics with Applications 10, 1984); below, where that does not
    hold, by Jöhnk's.
    """
    if alpha > 0.5:
        u, angle = draws.whole(2, ".share").reshape(2, 1)
        radius = np.sqrt(1.0 - exact_exp(exact_log(1.0 - u) * (2.0 / (2.0 * alpha - 1.0))))
        return float(0.5 + 0.5 * radius[0] * exact_sin_cos(angle * 360.0)[1][0])
    for attempt in range(1000):
        u = draws.whole(128, f".share {attempt}").reshape(64, 2)
        logs = exact_log(1.0 - u) / alpha  # of the powers, which may be too small to be written
        most = logs.max(axis=1)
        first, second = exact_exp(np.maximum(logs - most[:, np.newaxis], -700.0)).T
        accepted = np.flatnonzero(
            np.where(most < -700.0, 0.0, exact_exp(np.maximum(most, -700.0))) * (first + second) <= 1.0
        )
        if len(accepted):
            chosen = accepted[0]
            return float(first[chosen] / (first[chosen] + second[chosen]))
    raise AssertionError("64,000 pairs were refused, of which about half are accepted")
