"""Weights files of any library by themselves: what one holds, whose it is, and the same weights in another format."""

from archspec.checkpoints.conversion import SUFFIXES, format_of, keeps_channels_last, write_as
from archspec.checkpoints.identification import FileContents, LikelyNetwork, candidates, contents

__all__ = [
    "SUFFIXES",
    "FileContents",
    "LikelyNetwork",
    "candidates",
    "contents",
    "format_of",
    "keeps_channels_last",
    "write_as",
]
