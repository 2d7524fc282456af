import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from aris_pipeline.engines import EngineSettings
from aris_pipeline.engines.vllm_arguments import refuse_unknown
from aris_pipeline.errors import ConfigError, EngineError
from aris_pipeline.models import ModelCard, find_model, load_tokenizer

OWN = """
models:
  - name: gemma-3-4b-it
    aliases: [house]
    model_id: /models/our-gemma
    quantization: fp8
default_cpu: house
default_gpu: house
"""


@pytest.fixture(autouse=True)
def _no_table_of_a_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARIS_MODELS", raising=False)


@pytest.fixture
def own_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "models.yaml"
    file.write_text(OWN)
    monkeypatch.setenv("ARIS_MODELS", str(file))
    return file


@pytest.mark.parametrize("name", ["gemma-3-12b-it", "gemma3:12b", "google/gemma-3-12b-it"])
def test_a_model_is_known_by_name_alias_and_hugging_face_id(name: str) -> None:
    assert find_model(name).name == "gemma-3-12b-it"


def test_a_machine_without_a_gpu_judges_with_the_embedded_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")

    assert find_model(None).embedded


def test_any_hugging_face_id_will_do_and_gives_a_name_fit_for_paths() -> None:
    card = find_model("Acme_Inc/Judge-7B.v2")

    assert (card.name, card.model_id) == ("Acme_Inc--Judge-7B.v2", "Acme_Inc/Judge-7B.v2")


@pytest.mark.parametrize(
    "folder",
    [("my-model", "my-model"), ("my model=1", "my--model--1"), ("_x", "x"), ("模", "model")],
)
def test_a_directory_will_do_whatever_it_is_called(tmp_path: Path, folder: tuple[str, str]) -> None:
    name, short = folder
    (tmp_path / name).mkdir()

    card = find_model(str(tmp_path / name))

    assert (card.name, card.model_id) == (short, str(tmp_path / name))


def test_a_checkpoint_without_a_tokenizer_is_one_error_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')

    with pytest.raises(ConfigError, match="cannot be loaded: name a directory"):
        load_tokenizer(find_model(str(tmp_path)))


@pytest.mark.slow
def test_the_embedded_models_tokenizer_is_autotokenizers_without_loading_pytorch() -> None:
    program = r"""
import sys
from aris_pipeline.models import find_model, load_tokenizer
card = find_model("smollm2-135m-instruct")
ours = load_tokenizer(card)
assert "torch" not in sys.modules
from transformers import AutoTokenizer
theirs = AutoTokenizer.from_pretrained(card.checkpoint())
assert type(ours) is type(theirs)
assert ours.special_tokens_map == theirs.special_tokens_map
assert ours.model_max_length == theirs.model_max_length
text = "Söhne & Co, 2019\u20132024: 3 years\u00a0of Go 🙂\n\n\tx <|im_end|>"
for chat in ([{"role": "user", "content": text}], [{"role": "system", "content": text}]):
    for tokenize in (True, False):
        made = [one.apply_chat_template(chat, tokenize=tokenize) for one in (ours, theirs)]
        assert made[0] == made[1]
assert ours(text)["input_ids"] == theirs(text)["input_ids"]
print("the same")
"""
    said = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )

    assert said.stdout == "the same\n", said.stderr


def test_changed_weights_in_a_directory_are_another_revision(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"one")
    before = find_model(str(tmp_path)).identity()
    assert find_model(str(tmp_path)).identity() == before

    weights.write_bytes(b"another")

    assert find_model(str(tmp_path)).identity() != before


def test_the_working_directory_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "judge").mkdir()
    monkeypatch.chdir(tmp_path / "judge")

    assert find_model(".").name == "judge"


@pytest.mark.parametrize("name", ["./models/judge", "/models/judge", "../judge", "a/b/c"])
def test_a_mistyped_directory_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=f"'{name}' is neither a directory nor"):
        find_model(name)


def test_a_mistyped_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as raised:
        find_model("gema3:4b")

    assert "unknown model 'gema3:4b'" in str(raised.value)
    assert "did you mean gemma3:4b" in str(raised.value)


def test_a_name_like_no_other_is_answered_with_all_and_where_to_add_it() -> None:
    with pytest.raises(ConfigError) as raised:
        find_model("zzzzzz")

    assert "did you mean" not in str(raised.value)
    assert "qwen2.5:14b" in str(raised.value)
    assert "ARIS_MODELS" in str(raised.value)


def test_the_users_table_comes_before_the_shipped_one(own_table: Path) -> None:
    assert find_model("gemma-3-4b-it").model_id == "/models/our-gemma"
    assert find_model(None).quantization == "fp8"
    assert find_model("mistral").model_id == "mistralai/Mistral-7B-Instruct-v0.3"


@pytest.mark.parametrize(
    "fault",
    [
        ("models: [", "while parsing"),
        ("", "valid dictionary"),
        ("models: [{name: a}]", "model_id"),
        ("models: [{name: a b, model_id: x}]", "name"),
        ("models: [{name: a, model_id: x, dtyp: half}]", "dtyp"),
        ("models: []\ndefault: a", "default"),
    ],
)
def test_a_faulty_table_is_named_with_the_field_at_fault(
    own_table: Path, fault: tuple[str, str]
) -> None:
    text, field = fault
    own_table.write_text(text)

    with pytest.raises(ConfigError) as raised:
        find_model("mistral")
    assert str(own_table) in str(raised.value)
    assert field in str(raised.value)


def test_a_table_that_is_not_there_is_named(own_table: Path) -> None:
    own_table.unlink()

    with pytest.raises(ConfigError, match=str(own_table)):
        find_model("mistral")


def test_a_quantized_model_never_shares_answers_with_the_plain_one(tmp_path: Path) -> None:
    plain = ModelCard(name="a", model_id=str(tmp_path))
    others = [
        plain.model_copy(update={"quantization": "fp8"}),
        plain.model_copy(update={"dtype": "float16"}),
    ]

    identities = {plain.identity(), plain.identity("fp8"), *(card.identity() for card in others)}

    assert len(identities) == 4


def test_a_model_that_cannot_be_had_is_named_with_the_remedy(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    program = (
        "from aris_pipeline.models import find_model\n"
        "from aris_pipeline.errors import EngineError\n"
        "try: find_model('acme/judge').identity()\n"
        "except EngineError as error: print(error)\n"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    said = subprocess.check_output([sys.executable, "-c", program], text=True, env=environment)

    assert "acme/judge" in said
    assert "hf download acme/judge" in said


def test_without_vllm_a_hub_model_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)

    with pytest.raises(EngineError, match="make setup"):
        find_model("acme/judge").identity()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("engine_args: {dtype: half}", "dtype: set by a field of the model"),
        ("engine_args: {gpu_memory_utilization: 0.5}", "an option of ours"),
        ("engine_args: [enable_lora]", "engine_args"),
        ("quantization: int3", "quantization"),
        ("dtype: bfloat17", "dtype"),
        ("max_model_len: 8", "max_model_len"),
    ],
)
def test_what_a_model_cannot_be_loaded_with_is_refused_as_the_table_is_read(
    own_table: Path, fields: str, said: str
) -> None:
    own_table.write_text(f"models: [{{name: a, model_id: x/y, {fields}}}]")

    with pytest.raises(ConfigError, match=said):
        find_model("a")


def test_a_models_own_context_is_taken_where_none_is_asked_for() -> None:
    assert EngineSettings().context(on_gpu=True, of_model=3_000) == 3_000
    assert EngineSettings(max_model_len=500).context(on_gpu=True, of_model=3_000) == 500


def test_other_engine_arguments_never_share_answers(tmp_path: Path) -> None:
    plain = ModelCard(name="a", model_id=str(tmp_path))
    other = plain.model_copy(update={"engine_args": {"hf_overrides": {"rope_theta": 1.0}}})

    assert plain.identity() != other.identity()
    assert plain.identity() == plain.model_copy(update={"licence": "MIT"}).identity()


def test_every_shipped_model_states_its_licence_and_all_but_one_a_tag_for_ollama() -> None:
    names = ["demo", "gemma3:1b", "gemma3:4b", "gemma3:12b", "mistral", "qwen2.5:14b"]

    assert all(find_model(name).licence and find_model(name).ollama_tag for name in names)
    assert find_model("gemma3:12b-4bit").licence == "Gemma"


def test_engine_arguments_that_vllm_does_not_know_are_named() -> None:
    @dataclass
    class KnownArgs:
        max_num_seqs: int = 0

    card = ModelCard(name="a", model_id="x/y", engine_args={"max_num_seq": 8})

    with pytest.raises(EngineError, match=r"no 'max_num_seq'\. did you mean max_num_seqs"):
        refuse_unknown(card, KnownArgs)
