"""What a model is to run on, by name, by memory or by looking."""

import pytest

from aris_pipeline.errors import ConfigError
from aris_pipeline.models import GpuMemory, find_hardware, hardware, this_machine


@pytest.mark.parametrize(
    ("text", "gib"),
    [
        ("16GiB", 16),
        ("16", 16),
        ("16 gib", 16),
        ("16GB", 14.901),
        ("24576MiB", 24),
        ("15.5g", 15.5),
    ],
)
def test_memory_is_read_in_the_units_that_people_write(text: str, gib: float) -> None:
    assert find_hardware(None, text).memory_gib == pytest.approx(gib, rel=1e-4)


@pytest.mark.parametrize("text", ["", "much", "-1GiB", "0", "16TB", "16GiBs"])
def test_what_is_no_amount_of_memory_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="write for example 16GiB"):
        find_hardware(None, text)


@pytest.mark.parametrize("name", ["rtx-4080", "RTX 4080", "NVIDIA GeForce RTX 4080"])
def test_a_gpu_is_known_by_its_name_and_its_drivers(name: str) -> None:
    found = find_hardware(name, None)

    assert (found.name, found.memory_gib, found.bandwidth_gb_s) == ("rtx-4080", 15.57, 717)


def test_a_mistyped_gpu_is_answered_with_the_nearest_and_all() -> None:
    with pytest.raises(ConfigError) as raised:
        find_hardware("rtx4080", None)

    assert "did you mean rtx-4080" in str(raised.value)
    assert "a100-80" in str(raised.value)
    assert "--gpu-memory" in str(raised.value)


def test_memory_that_is_given_takes_the_place_of_the_tables() -> None:
    found = find_hardware("a100-40", "20GiB")

    assert (found.memory_gib, found.bandwidth_gb_s) == (20, 1_555)
    assert "memory as given" in found.source


def test_this_machine_without_a_gpu_is_its_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "gpu_count", lambda: 0)
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "3")

    found = this_machine()

    assert (found.on_gpu, found.kv_space_gib, found.bandwidth_gb_s) == (False, 3, None)
    assert found.batch_limits == (256, 128)


@pytest.mark.parametrize(
    ("name", "bandwidth"), [("NVIDIA H100 80GB HBM3", 3_350), ("NVIDIA Quadro", None)]
)
def test_this_machines_gpu_has_a_bandwidth_if_the_table_has_it(
    name: str, bandwidth: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "gpu_count", lambda: 1)
    monkeypatch.setattr(hardware, "gpu_name", lambda: name)
    monkeypatch.setattr(hardware, "gpu_memory", lambda: GpuMemory(48.0, 48.0, ()))

    found = this_machine()

    assert (found.name, found.bandwidth_gb_s, found.driver_names) == (name, bandwidth, None)
    assert found.memory_gib == (79.18 if bandwidth else 48.0)


@pytest.mark.parametrize(
    ("gpu", "limits"),
    [("h100", (16_384, 1_024)), ("a100-80", (8_192, 256)), ("rtx-4080", (8_192, 256))],
)
def test_a_step_is_as_large_as_vllm_makes_it_there(gpu: str, limits: tuple[int, int]) -> None:
    assert find_hardware(gpu, None).batch_limits == limits
