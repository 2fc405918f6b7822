"""Keras's settings for the process while a model is built or trained, and what float64 takes on each engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
from keras.src.backend.common import dtypes

from archspec.codegen.backend_errors import check_dtype, no_device


@contextmanager
def settings(dtype: str | None, device: str | None = None, layout: str | None = None) -> Iterator[None]:
    """Keras's global settings for the time that a model is built or trained: they are put back afterwards.

    Args:
        dtype: what models compute in; what the user has set if None.
        device: where they are put.
        layout: the data format of layers that are not given one; what the user has set if None.
    """
    if dtype is not None:
        check_dtype(dtype)
    floatx, own_layout = keras.config.floatx(), keras.config.image_data_format()
    policy = keras.config.dtype_policy()
    with ExitStack() as stack:
        if device is not None:
            stack.enter_context(_device(device))
        try:
            if layout is not None:
                keras.config.set_image_data_format(layout)
            if dtype is not None:
                _allow(dtype)
                # Variables and inputs go by floatx, layers by the policy.
                keras.config.set_floatx(dtype)
                keras.config.set_dtype_policy(dtype)
            yield
        finally:
            keras.config.set_floatx(floatx)
            keras.config.set_dtype_policy(policy)
            keras.config.set_image_data_format(own_layout)


def _device(name: str) -> Any:
    """The context that puts what is made in it on a device."""
    try:
        with keras.device(name):
            keras.ops.zeros(1)  # a device that is known need not be there
    except Exception as error:  # each of Keras's backends raises something else
        raise no_device(name, error, "choose `cpu`, or one that Keras's backend finds, such as `gpu:0`") from None
    return keras.device(name)


def _allow(dtype: str) -> None:
    """Let a dtype be computed in, for the whole process: the model runs long after it was built.

    JAX makes float32 of float64, silently, unless it is asked not to. Keras does the same on JAX and on PyTorch, by a
    table that its layers ask for the type to compute in: batch norm, means and softmax would be of float32.
    """
    if dtype != "float64":
        return
    if keras.backend.backend() == "jax":
        import jax

        config: Any = jax.config
        config.update("jax_enable_x64", True)
    table = getattr(dtypes, "BIT64_TO_BIT32_DTYPE", {})  # not a public name: without it, all is as Keras has it
    if "float64" in table:
        table["float64"] = "float64"
