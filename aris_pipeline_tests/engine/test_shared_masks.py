"""Masks that are sent to another process are found there in the same memory."""

import multiprocessing
import pickle
from multiprocessing.connection import Connection

import numpy as np
import pytest

pytestmark = pytest.mark.engine


def read_masks(pipe: Connection) -> None:
    """The worker's part: takes masks over, and says at each message what it sees."""
    masks = pickle.loads(pipe.recv_bytes())
    for _ in range(2):
        pipe.send((type(masks).__name__, masks.shape, int(masks[3, 5])))
        pipe.recv()


def test_a_process_sees_the_masks_where_they_are_made() -> None:
    from aris_pipeline.engines.shared_masks import SharedMasks

    memory = SharedMasks(rows=64, words=8192)
    memory.tensor[3, 5] = 7
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    worker = spawn.Process(target=read_masks, args=(there,))
    worker.start()
    sent = pickle.dumps(memory.first(10), protocol=pickle.HIGHEST_PROTOCOL)
    here.send_bytes(sent)
    assert here.recv() == ("ndarray", (10, 8192), 7)
    memory.tensor[3, 5] = 8
    here.send(None)
    assert here.recv() == ("ndarray", (10, 8192), 8)
    here.send(None)
    worker.join(10)

    assert worker.exitcode == 0
    assert len(sent) < 200
    assert np.shares_memory(memory.first(10), memory.tensor.numpy())
