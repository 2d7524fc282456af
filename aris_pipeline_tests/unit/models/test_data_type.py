from collections.abc import Callable
from pathlib import Path

import pytest

from aris_pipeline.engines import EngineSettings, Sampling, as_flags, engine_args
from aris_pipeline.models import ModelCard, data_type, find_model
from aris_pipeline.prompts import load_rubric
from aris_pipeline.prompts.request_keys import RequestKeys

KEY_OF_OLD = "6ec5a5b875670f42040e6378f45679988d32ae506a531c4201c920790b73ce16"
"""What the embedded model was asked in bfloat16, before the data type followed the CPU."""

CPUS = {
    "AVX2 alone": "flags\t\t: fpu sse4_2 fma avx2 f16c",
    "AVX-512 alone": "flags\t\t: fma avx2 avx512f avx512bw avx512_vnni",
    "AVX-512 with bf16": "flags\t\t: avx2 avx512f avx512_bf16",
    "AMX": "flags\t\t: avx2 avx512f amx_bf16 amx_tile",
    "ARM": "Features\t: fp asimd asimdhp sve bf16",
    "old ARM": "Features\t: fp asimd asimdhp svebf16",
}


@pytest.fixture
def cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes this machine one without a GPU, whose CPU is of that kind."""

    def become(name: str) -> None:
        file = tmp_path / name
        file.write_text(f"processor\t: 0\nmodel name\t: {name}\n{CPUS[name]}\n\n" * 2)
        monkeypatch.setattr(data_type, "CPUINFO", file)

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("ARIS_MODELS", raising=False)
    return become


def key_of(card: ModelCard) -> str:
    rubric = load_rubric("aris-swe-v1")
    return RequestKeys(card.identity(), Sampling(9, 0.5), None, rubric, [1, 2]).of([3])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AVX2 alone", "float32: this CPU has no bfloat16 instructions"),
        ("AVX-512 alone", "float32: this CPU has no bfloat16 instructions"),
        ("old ARM", "float32: this CPU has no bfloat16 instructions"),
        ("AVX-512 with bf16", "bfloat16: this CPU has bfloat16 instructions (avx512_bf16)"),
        ("AMX", "bfloat16: this CPU has bfloat16 instructions (amx_bf16)"),
        ("ARM", "bfloat16: this CPU has bfloat16 instructions (bf16)"),
    ],
)
def test_the_data_type_is_what_the_cpu_has_instructions_for(
    cpu: Callable[[str], None], name: str, expected: str
) -> None:
    cpu(name)

    assert str(find_model("demo").data_type()) == expected


def test_a_system_that_lists_no_flags_computes_in_float32(
    tmp_path: Path, cpu: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_type, "CPUINFO", tmp_path / "none")

    assert find_model("demo").data_type().name == "float32"


def test_answers_of_another_data_type_are_other_answers_and_those_in_bfloat16_stay_known(
    cpu: Callable[[str], None],
) -> None:
    cpu("AVX-512 with bf16")
    assert key_of(find_model("demo")) == KEY_OF_OLD

    cpu("AVX2 alone")
    assert key_of(find_model("demo")) != KEY_OF_OLD

    chosen = find_model("demo").model_copy(update={"dtype": "bfloat16"})
    assert key_of(chosen) == KEY_OF_OLD


def test_every_way_of_loading_vllm_takes_the_data_type_that_names_the_answers(
    cpu: Callable[[str], None],
) -> None:
    cpu("AVX2 alone")
    card = find_model("demo").model_copy(update={"embedded": False})
    in_process = engine_args(card, EngineSettings(), on_gpu=False)
    flags = as_flags(in_process)

    assert in_process["dtype"] == find_model("demo").identity(kind="ray").dtype == "float32"
    assert flags[flags.index("--dtype") + 1] == find_model("demo").identity(kind="serve").dtype


def test_gpus_and_other_machines_keep_bfloat16(cpu: Callable[[str], None]) -> None:
    cpu("AVX2 alone")
    card = find_model("gemma3:4b")

    assert engine_args(card, EngineSettings(), on_gpu=True)["dtype"] == "bfloat16"
    assert card.elsewhere().data_type().name == "bfloat16"


def test_a_stated_data_type_is_taken_on_any_machine(cpu: Callable[[str], None]) -> None:
    cpu("AVX2 alone")
    card = ModelCard(name="a", model_id="b/c", dtype="float16")

    assert str(card.data_type()) == "float16: as stated"
    assert engine_args(card, EngineSettings(), on_gpu=True)["dtype"] == "float16"
    assert card.elsewhere().dtype == "float16"
