"""What an engine process dies of reaches the process that started it."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aris_pipeline.engines.last_words import cause_of, forget_last_words, last_words

ENGINE_PROCESS = """
import logging
from aris_pipeline.engines.last_words import keep_last_words
keep_last_words()
log = logging.getLogger("vllm.v1.engine.core")
for message, error in [
    ("Failed to compile grammar for request 7", ValueError("of one request")),
    ("WorkerProc hit an exception.", RuntimeError("CUDA out of memory")),
    ("EngineCore encountered a fatal error.", RuntimeError("a worker died")),
]:
    try:
        raise error
    except Exception:
        log.exception(message)
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARIS_CACHE_DIR", str(tmp_path))


@pytest.mark.slow
def test_the_first_exception_that_ends_a_process_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARIS_ENGINE_PARENT_PID", str(os.getpid()))
    assert last_words() is None

    subprocess.run([sys.executable, "-c", ENGINE_PROCESS], check=True, capture_output=True)

    assert last_words() == "RuntimeError: CUDA out of memory (<string>:12)"
    forget_last_words()
    assert last_words() is None


def test_the_process_that_loads_an_engine_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from aris_pipeline.engines.last_words import keep_last_words

    monkeypatch.setenv("ARIS_ENGINE_PARENT_PID", str(os.getpid()))
    before = list(logging.getLogger("vllm").handlers)

    keep_last_words()

    assert logging.getLogger("vllm").handlers == before


def test_a_cause_is_one_line_with_its_place() -> None:
    try:
        raise ValueError("too many\n  values")
    except ValueError as error:
        said = cause_of(error)

    assert said.startswith("ValueError: too many values (test_last_words.py:")
