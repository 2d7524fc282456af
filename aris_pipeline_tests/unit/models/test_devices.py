import json
import time
from types import SimpleNamespace

import pytest

from aris_pipeline.models import Telemetry, gpu_count, gpu_name, host_name, package_versions
from aris_pipeline.models import devices as hardware


class NvmlError(Exception):
    """What the driver's library raises."""


class Driver:
    """Stands for NVML on a machine with two GPUs, which has no double of its own."""

    NVMLError = NvmlError
    nvmlDeviceGetCount = staticmethod(lambda: 2)  # noqa: N815
    nvmlDeviceGetName = staticmethod(lambda handle: f"GPU number {handle}")  # noqa: N815
    nvmlDeviceGetUtilizationRates = staticmethod(  # noqa: N815
        lambda handle: SimpleNamespace(gpu=[20, 60][handle])
    )
    nvmlDeviceGetMemoryInfo = staticmethod(  # noqa: N815
        lambda handle: SimpleNamespace(used=(1 + handle) * 2**30)
    )

    def __init__(self) -> None:
        self.energy = 0.0

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        if index > 1:
            raise NvmlError("no such GPU")
        return index

    def nvmlDeviceGetHandleByUUID(self, name: str) -> int:  # noqa: N802
        if not name.startswith("GPU-"):
            raise NvmlError("no such GPU")
        return int(name.removeprefix("GPU-"))

    def nvmlDeviceGetTotalEnergyConsumption(self, _handle: int) -> float:  # noqa: N802
        self.energy += 3.6e6
        return self.energy


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver()
    monkeypatch.setattr(hardware, "_nvml", lambda: driver)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    "visible",
    [
        (None, 2, "GPU number 0"),
        ("0,1", 2, "GPU number 0"),
        ("1", 1, "GPU number 1"),
        (" 1, 0", 2, "GPU number 1"),
        ("GPU-1", 1, "GPU number 1"),
        ("0,7", 1, "GPU number 0"),
        ("", 0, None),
        ("-1", 0, None),
    ],
)
def test_only_gpus_that_cuda_may_use_count(
    monkeypatch: pytest.MonkeyPatch, visible: tuple[str | None, int, str | None]
) -> None:
    value, count, name = visible
    if value is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)

    assert (gpu_count(), gpu_name()) == (count, name)


def test_a_machine_without_a_driver_has_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_nvml", lambda: None)

    assert (gpu_count(), gpu_name()) == (0, None)


def test_telemetry_measures_this_process_and_leaves_gpu_figures_out_without_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hardware, "_nvml", lambda: None)
    started = time.monotonic()

    with Telemetry() as telemetry:
        pass

    assert time.monotonic() - started < 0.9, "leaving must not wait for the next sample"
    assert telemetry.rss_peak_gib is not None
    assert 0.01 < telemetry.rss_peak_gib < 64
    assert telemetry.cpu_percent is not None
    assert 0 <= telemetry.cpu_percent <= 100
    assert telemetry.gpu_memory_peak_gib is telemetry.gpu_utilization is None
    assert telemetry.gpu_energy_wh is None


@pytest.mark.usefixtures("two_gpus")
def test_telemetry_adds_the_gpus_memory_and_energy_and_averages_their_use() -> None:
    with Telemetry() as telemetry:
        pass

    assert telemetry.gpu_memory_peak_gib == 3
    assert telemetry.gpu_utilization == 40
    assert telemetry.gpu_energy_wh == 4


def test_the_host_is_described_without_its_name() -> None:
    assert "cores" in host_name()
    versions = json.loads(package_versions())
    assert {"polars", "dagster"} <= versions.keys()
