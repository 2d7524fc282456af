"""Keeps the masks of a step in memory that the engine and its worker share (record 33).

A step of a thousand rows has 32 MiB of masks. vLLM sends them to its worker through a socket, and
the worker copies them once more, into memory that the GPU can read: 20 ms of each step. Here the
worker maps the memory in which llguidance writes them, and lets the GPU read it.

One memory is enough for all steps of one worker: the masks of a step are made after the results of
the step before, and the GPU had to read that step's masks to compute them.
"""

import os
from collections.abc import Callable
from functools import cache
from typing import Any
from weakref import finalize

import numpy as np
import torch

Words = np.ndarray[Any, np.dtype[np.int32]]


class SharedMasks:
    """Memory for the masks of a step, without a name in the file system.

    Attributes:
        tensor: the masks, shape (rows, words), of int32.
    """

    def __init__(self, rows: int, words: int) -> None:
        """Takes memory for so many rows."""
        file = os.memfd_create("masks")
        os.ftruncate(file, rows * words * 4)
        finalize(self, os.close, file)
        self._path, self._words = f"/proc/{os.getpid()}/fd/{file}", words
        self._masks = _mapped(self._path, words)
        self.tensor = torch.from_numpy(self._masks)

    def first(self, rows: int) -> "MasksInMemory":
        """Returns the masks of the first rows; a process that they are sent to maps them."""
        masks = self._masks[:rows].view(MasksInMemory)
        masks.place = (self._path, self._words, rows)
        return masks


class MasksInMemory(np.ndarray[Any, np.dtype[np.int32]]):
    """Masks that are pickled as the place where they are."""

    place: tuple[str, int, int]

    def __reduce__(self) -> tuple[Callable[..., Words], tuple[str, int, int]]:
        """Returns how to find them again."""
        return _first_rows, self.place


def _first_rows(path: str, words: int, rows: int) -> Words:
    return _readable_by_gpu(path, words)[:rows]


@cache
def _readable_by_gpu(path: str, words: int) -> Words:
    masks = _mapped(path, words)
    if torch.cuda.is_initialized():
        done = torch.cuda.cudart().cudaHostRegister(masks.ctypes.data, masks.nbytes, 0)
        torch.cuda.check_error(done)
    return masks


def _mapped(path: str, words: int) -> Words:
    return np.asarray(np.memmap(path, np.int32, "r+")).reshape(-1, words)
