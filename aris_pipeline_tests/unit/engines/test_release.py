import logging

import pytest

from aris_pipeline.engines import MemoryInUse, await_release, release
from aris_pipeline.errors import EngineError
from aris_pipeline.models.devices import GpuMemory

BEFORE, LOADED = MemoryInUse(0.5, 1.0), MemoryInUse(70.0, 2.0)


def test_memory_that_comes_back_is_told_in_gib(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    used = iter([70.0, 30.0, 0.9])
    monkeypatch.setattr(release, "gpu_memory_used_gib", lambda: next(used))
    caplog.set_level(logging.INFO)

    assert await_release("gemma", BEFORE, LOADED) == pytest.approx(69.1)
    assert "closed gemma: 69.10 GiB of GPU memory freed, 0.90 GiB in use now" in caplog.text


def test_memory_that_stays_ends_the_run_and_names_its_holder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(release, "gpu_memory_used_gib", lambda: 40.0)
    holder = "39.0 GiB held by process 4711"
    monkeypatch.setattr(release, "gpu_memory", lambda: GpuMemory(80, 40, (holder,)))

    with pytest.raises(EngineError, match=r"40\.0 GiB where 0\.5 GiB .*process 4711"):
        await_release("gemma", BEFORE, LOADED, timeout_s=0)


def test_without_a_gpu_the_memory_of_the_processes_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(release, "gpu_memory_used_gib", lambda: None)
    monkeypatch.setattr(release, "resident_gib", lambda: 0.75)

    assert await_release("demo", MemoryInUse(None, 0.5), MemoryInUse(None, 3.0)) == 2.25
