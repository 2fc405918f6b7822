"""Training in float64."""

from typing import Any

import keras


def allow_float64() -> None:
    """Lets Keras compute in float64, of which JAX, and Keras on PyTorch, otherwise make float32."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    if keras.backend.backend() == "jax":
        import jax

        config: Any = jax.config
        config.update("jax_enable_x64", True)
    from keras.src.backend.common import dtypes  # a table for which there is no public setting

    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
