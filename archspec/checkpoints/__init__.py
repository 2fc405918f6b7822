"""Weights files of any library by themselves: what one holds, whose it is, and the same weights in another format."""

from archspec.checkpoints.conversion import SUFFIXES, format_of, map_named, write_as
from archspec.checkpoints.identification import Candidate, FileContents, candidates, contents

__all__ = ["SUFFIXES", "Candidate", "FileContents", "candidates", "contents", "format_of", "map_named", "write_as"]
