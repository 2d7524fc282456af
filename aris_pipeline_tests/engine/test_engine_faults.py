"""Real vLLM that fails, loses its process or is stopped: no row is lost, the run goes on."""

import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import psutil
import pytest

from aris_pipeline.completions.generation import generate_rows
from aris_pipeline.engines import EngineSession, EngineSettings, VllmOffline
from aris_pipeline.errors import EngineError
from aris_pipeline.storage import Prompts
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.engine.slow_run import SlowRun
from aris_pipeline_tests.soak.processes import Finished
from aris_pipeline_tests.tables import table
from aris_pipeline_tests.tiny_model import TinyModel

pytestmark = pytest.mark.engine
on_one_run = pytest.mark.xdist_group("disturbed")

_ROWS = 60
"""Of the run that is disturbed: more than it answers before the first part is on the disk."""


def test_an_engine_that_fails_at_work_is_replaced_and_no_row_is_lost(tiny: TinyModel) -> None:
    opened: list[VllmOffline] = []

    def open_engine() -> VllmOffline:
        opened.append(VllmOffline(tiny.card, EngineSettings(max_requests_in_flight=4)))
        return opened[-1]

    def fail() -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    prompts = table(
        Prompts, *({"prompt_token_ids": [100 + n, 260, 300], "max_tokens": 6} for n in range(12))
    )
    with EngineSession(open_engine, backoff_s=0) as session:
        rows = []
        for row in generate_rows(
            session,
            prompts.iter_rows(named=True),
            scoring=None,
            shorten=lambda _prompt, _limit: None,
            run_id="run",
        ):
            rows.append(row)
            if len(rows) == 3:
                opened[0]._engines.loaded[0].engine.step = fail

    assert sorted(row["request_key"] for row in rows) == sorted(prompts["request_key"])
    assert all(row["finish_reason"] for row in rows)
    assert (session.restarts, session.loads) == (1, 2)


@dataclass(frozen=True)
class Disturbed:
    """A batch whose run lost its engine and was killed, and whose next run was stopped by Ctrl-C.

    Attributes:
        file: the candidates.
        data: the data directory.
        kept: rows that were on the disk after each of the two runs.
        said: by the first run.
        left: processes of the first run's engines that outlived it.
        finished: a third run, undisturbed.
    """

    file: Path
    data: Path
    kept: list[int]
    said: str
    left: list[psutil.Process]
    finished: Finished


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory: pytest.TempPathFactory, tiny: TinyModel) -> Disturbed:
    folder = tmp_path_factory.mktemp("disturbed")
    # As on a GPU, where the engine always has processes of its own.
    apart = {"VLLM_ENABLE_V1_MULTIPROCESSING": "1"}
    with SlowRun(_ROWS, folder, **tiny.environment, **apart) as slow:
        slow.wait_for_a_row()
        engine = next(one for one in slow.children() if "EngineCore" in one.name())
        engine.kill()
        slow.wait_for_words("restart 1 of 3")
        slow.wait_for_a_part()
        children = slow.children()
        slow.process.kill()
        assert slow.process.wait(timeout=60) == -signal.SIGKILL, slow.said()
        said = slow.said()
        _gone, left = psutil.wait_procs(children, timeout=30)
    kept = [slow.rows_on_the_disk()]
    with SlowRun(_ROWS, folder, **tiny.environment) as slow:
        slow.wait_for_a_row()
        slow.process.send_signal(signal.SIGINT)
        assert slow.process.wait(timeout=60) == 130, slow.said()
    kept.append(slow.rows_on_the_disk())
    again = ("run", slow.file, "--data-dir", slow.data, "--json")
    finished = aris(*again, engine=False, ARIS_MODELS=tiny.table)
    return Disturbed(slow.file, slow.data, kept, said, left, finished)


@on_one_run
def test_a_run_that_is_stopped_or_killed_goes_on_and_generates_nothing_twice(
    disturbed: Disturbed,
) -> None:
    figures, kept = disturbed.finished.figures, disturbed.kept

    assert disturbed.finished.code == 0, disturbed.finished.stderr
    assert 0 < kept[0] < kept[1] < _ROWS
    assert (figures["reused"], figures["generated"]) == (kept[-1], _ROWS - kept[-1])
    assert (figures["evaluated"], figures["failed"]) == (_ROWS, 0)
    assert aris("verify", "--data-dir", disturbed.data, "--json").figures["ok"]


@on_one_run
def test_a_killed_engine_process_is_replaced_while_the_run_goes_on(disturbed: Disturbed) -> None:
    said = disturbed.said

    log = re.search(r"a process of it has ended\; log (\S+\.log)", said)
    assert log, said
    assert "Starting to load model" in Path(log[1]).read_text()
    assert not re.search(r"INFO|WARN|Warning|Triton|Traceback", said), said
    assert disturbed.kept[0] > 0
    assert disturbed.left == []


@on_one_run
def test_the_same_file_again_loads_no_model(disturbed: Disturbed, tiny: TinyModel) -> None:
    again = ("run", disturbed.file, "--data-dir", disturbed.data, "--json")
    figures = aris(*again, engine=False, ARIS_MODELS=tiny.table).figures

    assert (figures["reused"], figures["generated"], figures["load_s"]) == (_ROWS, 0, 0)


BROKEN_VLLM = """
import os

def load():
    if os.environ["ARIS_ENGINE_PARENT_PID"] == str(os.getpid()):
        return  # this process has the engines of other scenarios to load
    from vllm.v1.engine.core import EngineCore

    def step(*_arguments):
        raise ValueError("too many values to unpack (expected 3)")

    EngineCore.step = EngineCore.step_with_batch_queue = step
"""


def test_an_engine_that_dies_of_any_request_is_loaded_twice_and_says_why(
    tiny: TinyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As vLLM 0.33 did with masks made for 0.32: it died at its first step, whatever the row."""
    (tmp_path / "broken_vllm.py").write_text(BROKEN_VLLM)
    metadata = tmp_path / "broken_vllm-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-vllm\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[vllm.general_plugins]\nbroken_vllm = broken_vllm:load\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    prompts = table(Prompts, {"prompt_token_ids": [100, 260, 300], "max_tokens": 6})
    with (
        patch.dict(os.environ, VLLM_ENABLE_V1_MULTIPROCESSING="1"),
        EngineSession(lambda: VllmOffline(tiny.card, EngineSettings()), backoff_s=0) as session,
        pytest.raises(EngineError) as said,
    ):
        for _row in generate_rows(
            session,
            prompts.iter_rows(named=True),
            scoring=None,
            shorten=lambda _prompt, _limit: None,
            run_id="run",
        ):
            pass

    assert session.loads == 2
    assert "two engines in a row died of ValueError: too many values to unpack" in str(said.value)
    assert "(broken_vllm.py:" in str(said.value)
