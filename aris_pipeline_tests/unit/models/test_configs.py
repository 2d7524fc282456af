"""Where a model's config is found without the network."""

import json
from importlib import resources
from pathlib import Path

import pytest
import yaml

from aris_pipeline.errors import ConfigError
from aris_pipeline.models import ModelCard, ModelShape, find_model, model_config, read_config
from aris_pipeline.models.cards import ModelTable


def test_every_model_of_the_table_can_be_planned_before_it_is_downloaded() -> None:
    room = resources.files("aris_pipeline.models")
    table = ModelTable.read(room.joinpath("models.yaml").read_text(), "models.yaml")
    shipped = yaml.safe_load(room.joinpath("configs.yaml").read_text())

    for card in table.models:
        assert ModelShape.of(shipped[card.model_id]).layers > 0


def test_a_directory_has_a_config_of_its_own(tmp_path: Path) -> None:
    config, _ = model_config(find_model("mistral"))
    (tmp_path / "config.json").write_text(json.dumps(config))

    found, source = model_config(ModelCard(name="own", model_id=str(tmp_path)))

    assert (found, source) == (config, str(tmp_path / "config.json"))


def test_a_cached_config_wins_over_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = pytest.importorskip("huggingface_hub")
    config, _ = model_config(find_model("mistral"))
    cached = tmp_path / "config.json"
    cached.write_text(json.dumps({**config, "num_hidden_layers": 2}))
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda *_, **__: str(cached))

    found, source = model_config(find_model("mistral"))

    assert (found["num_hidden_layers"], source) == (2, str(cached))


def test_a_model_that_is_nowhere_says_how_to_get_its_config() -> None:
    with pytest.raises(ConfigError, match=r"hf download acme/judge config\.json"):
        model_config(ModelCard(name="judge", model_id="acme/judge"))


def test_numbers_that_a_checkpoint_leaves_to_its_class_are_filled_in(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    file = tmp_path / "config.json"
    file.write_text(
        json.dumps(
            {
                "model_type": "gemma3",
                "text_config": {
                    "model_type": "gemma3_text",
                    "hidden_size": 2560,
                    "intermediate_size": 10240,
                    "num_hidden_layers": 34,
                    "sliding_window": 1024,
                },
            }
        )
    )

    found = ModelShape.of(read_config(file))

    assert (found.heads, found.kv_heads, found.head_dim, found.vocab) == (8, 4, 256, 262_208)
    assert (found.full_layers, found.window) == (5, 1024)


@pytest.mark.parametrize(
    ("text", "said"), [("{", "cannot be read"), ("[]", "no JSON object"), (None, "cannot be read")]
)
def test_a_faulty_config_is_named(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "config.json"
    if text is not None:
        file.write_text(text)

    with pytest.raises(ConfigError, match=said) as raised:
        read_config(file)
    assert str(file) in str(raised.value)
