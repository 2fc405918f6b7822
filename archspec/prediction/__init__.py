"""What a network says of images: they are prepared as its weights need it, and its classes are named."""

from archspec.prediction.classes import Prediction, PredictionError, Ranking
from archspec.prediction.preprocessing import ImageError, Preprocessing
from archspec.prediction.runs import Predictor, not_named, preprocessing, pretrained_of, pretrained_weights

__all__ = [
    "ImageError",
    "Prediction",
    "PredictionError",
    "Predictor",
    "Preprocessing",
    "Ranking",
    "not_named",
    "preprocessing",
    "pretrained_of",
    "pretrained_weights",
]
