"""The form of a network that computes what it does after training, with fewer layers and weights made to fit."""

from archspec.passes.inference.form import inference_form

__all__ = ["inference_form"]
