"""What `aris plan` says, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from aris_pipeline.models import find_model, model_config
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.unit.planning.test_plan import PROMISED

pytestmark = pytest.mark.system


def _json(*arguments: object) -> dict[str, Any]:
    finished = aris("plan", *arguments, "--json")
    assert finished.code == 0, finished.stderr
    assert len(finished.stdout.splitlines()) == 1
    return finished.figures


def test_a_plan_is_one_json_object_with_every_promised_figure(tmp_path: Path) -> None:
    found = _json("--model", "gemma3:4b", "--gpu", "rtx-4080", "--data-dir", tmp_path)

    assert found.keys() >= PROMISED
    assert (found["fits"], found["rows"]) == (True, 170_000)


def test_people_read_the_verdict_its_reason_and_the_projections(tmp_path: Path) -> None:
    png = tmp_path / "plan.png"

    shown = aris(  # without a model, the default of a GPU
        "plan", "--gpu", "h100", "--rows", 5_000, "--plot", png,
        "--data-dir", tmp_path,
    )  # fmt: skip

    assert shown.code == 0, shown.stderr
    assert "gemma-3-4b-it on h100: fits: weights 7.79 + overhead" in shown.stdout
    assert "hours for 170,000 rows" in shown.stdout
    assert "From:" in shown.stdout
    assert "Assumed:" in shown.stdout
    with Image.open(png) as image:
        assert image.width == 640


def test_a_config_is_enough_and_may_be_loaded_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(model_config(find_model("qwen2.5:14b"))[0]))
    common = ("--config", file, "--gpu-memory", "24GiB", "--max-model-len", 4_096)

    whole = _json(*common)
    four_bit = _json(*common, "--quantization", "bitsandbytes")

    assert (whole["fits"], four_bit["fits"]) == (False, True)
    assert four_bit["predicted_hours"] is None, "the card's bandwidth is not known"


def test_a_batch_says_how_long_its_prompts_are(tmp_path: Path) -> None:
    file, data = tmp_path / "candidates.json", tmp_path / "data"
    assert aris("generate", "--count", 12, "--out", file).code == 0
    batch = aris("run", file, "--data-dir", data, "--until", "prompts", "--json").figures["batch"]

    found = _json("--model", "demo", "--gpu", "l4", "--batch", batch, "--data-dir", data)

    assert found["rows"] == 12
    assert any(f"12 prompts of {batch}" in source for source in found["sources"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "gema3:4b"), "did you mean gemma3:4b"),
        (("--gpu", "rtx-4800"), "rtx-4080"),
        (("--gpu-memory", "lots"), "write for example 16GiB"),
        (("--config", "/nowhere/config.json"), "cannot be read"),
        (("--model", "acme/judge", "--gpu", "l4"), "hf download acme/judge config.json"),
        (("--dtype", "int3"), "bfloat16"),
        (("--engines-per-gpu", 2, "--replicas", 2), "leave --replicas and ARIS_REPLICAS out"),
        (("--engines-per-gpu", 2), "this machine has none"),
        (("--model", "qwen2.5:14b", "--gpu", "l4", "--plot", "x.png"), "nothing to plot"),
        (("--batch", "2026-01-01_none"), "2026-01-01_none"),
    ],
)
def test_what_is_wrong_is_said_with_the_remedy(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    finished = aris("plan", *arguments, "--data-dir", tmp_path, "--json")

    assert finished.code == 2
    assert said in finished.stderr
    assert "error_type" in json.loads(finished.stdout)
