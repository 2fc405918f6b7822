"""Runs a program on two processors of TensorFlow that are one: `python two_devices.py FOLDER ARGUMENTS...`."""

import runpy
import sys

import tensorflow as tf


def main(folder: str, arguments: list[str]) -> None:
    """Makes two logical devices of the processor, and runs the program."""
    processor = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(processor, two)
    sys.path.insert(0, folder)
    sys.argv = ["train.py", *arguments]
    runpy.run_path(f"{folder}/train.py", run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
