"""Devices that share batches."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import keras


def devices_in_use() -> int:
    """How many devices share a batch."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return int(tf.distribute.get_strategy().num_replicas_in_sync)
    distribution = keras.distribution.distribution()
    return 1 if distribution is None else int(distribution.device_mesh.devices.size)


def on_devices(asked: str | None) -> Any:
    """The context that puts the network on the devices asked for, or on all that there are."""
    several = keras.backend.backend() in ("tensorflow", "jax")
    found = keras.distribution.list_devices() if several else []
    devices = asked.split(",") if asked else found
    if len(devices) <= 1:
        return keras.device(devices[0]) if asked else nullcontext()
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.distribute.MirroredStrategy(devices).scope()
    if keras.backend.backend() == "jax":
        return keras.distribution.DataParallel(devices=devices).scope()
    raise SystemExit("Keras on PyTorch uses one device: name it with --device")


def for_fit(make: Callable[[], Iterator[Any]]) -> Any:
    """Batches as `fit` takes them: a generator, and with several devices of TensorFlow a data set.

    There, `fit` looks at the first batches before it begins, so it must be able to begin anew.
    """
    if keras.backend.backend() != "tensorflow" or devices_in_use() == 1:
        return make()
    import tensorflow as tf

    signature = tuple(tf.TensorSpec((None, *each.shape[1:]), each.dtype) for each in next(make()))
    return tf.data.Dataset.from_generator(make, output_signature=signature).prefetch(2)


def examples_of(batches: Any, index: int) -> int:
    """How many examples a batch of an epoch has."""
    return int(min(batches.size, len(batches.examples) - index * batches.size))


def check_batches(batches: Any, devices: int) -> None:
    """Sees that all devices get as many examples of a batch.

    Raises:
        SystemExit: they do not.
    """
    sizes = {examples_of(batches, index) for index in (0, len(batches) - 1)}
    for size in sizes:
        if size % devices:
            message = f"{devices} devices cannot share a batch of {size} examples"
            raise SystemExit(f"{message}: choose another `batch`, `drop_last: true`, or --device")
