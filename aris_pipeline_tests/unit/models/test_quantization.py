"""A checkpoint that the installed vLLM cannot load is refused before it is loaded."""

import json
from importlib import metadata
from pathlib import Path

import pytest

from aris_pipeline.engines import EngineSettings, open_engine
from aris_pipeline.errors import EngineError
from aris_pipeline.models import ModelCard, find_model
from aris_pipeline.models.quantization import refuse_quantization


@pytest.fixture
def _no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = metadata.version

    def version(name: str) -> str:
        if name.startswith("vllm-") and name.endswith("-plugin"):
            raise metadata.PackageNotFoundError(name)
        return installed(name)

    monkeypatch.setattr(metadata, "version", version)


@pytest.mark.usefixtures("_no_plugins")
@pytest.mark.parametrize("engine", ["offline", "serve", "ray"])
def test_a_4_bit_model_names_the_plugin_that_it_needs(engine: str) -> None:
    settings = EngineSettings.model_validate({"engine": engine})

    with pytest.raises(EngineError, match=r"bitsandbytes weights.*`pip install vllm-bnb-plugin`"):
        open_engine(find_model("gemma3:12b-4bit"), settings)


@pytest.mark.usefixtures("_no_plugins")
def test_a_checkpoint_that_declares_its_quantization_is_refused_alike(tmp_path: Path) -> None:
    config = {"model_type": "llama", "quantization_config": {"quant_method": "bitsandbytes"}}
    (tmp_path / "config.json").write_text(json.dumps(config))

    with pytest.raises(EngineError, match="vllm-bnb-plugin"):
        refuse_quantization(ModelCard(name="own", model_id=str(tmp_path)))
    with pytest.raises(EngineError, match="vllm-gguf-plugin"):
        refuse_quantization(ModelCard(name="own", model_id="a/b", quantization="gguf"))


def test_what_vllm_loads_by_itself_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for quantization in (None, "fp8", "awq", "gptq", "compressed-tensors"):
        card = ModelCard.model_validate(
            {"name": "own", "model_id": "acme/none", "quantization": quantization}
        )
        refuse_quantization(card)
    monkeypatch.setattr(metadata, "version", lambda _name: "0.0.3")
    refuse_quantization(find_model("gemma3:12b-4bit"))
