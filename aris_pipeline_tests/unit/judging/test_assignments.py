import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aris_pipeline.engines import EngineSettings
from aris_pipeline.errors import ConfigError, EngineError
from aris_pipeline.judging import Assignment, Assignments, JudgingSettings
from aris_pipeline.judging import assignments as judging
from aris_pipeline.models import embedded_model_dir
from aris_pipeline.prompts import PromptSettings, load_rubric
from aris_pipeline.storage import (
    Batch,
    DataStore,
    Judge,
    RawCandidates,
    Shard,
    write_bytes,
)
from aris_pipeline_tests.tables import make_batch, write_table

PROFILE_FORMATS: tuple[str, ...] = ("aris", "jsonl", "csv", "parquet")


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("ARIS_MODELS", raising=False)


@pytest.fixture
def on_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "gpu_count", lambda: 1)


def _openai(*models: str, name: str = "2026-11-21_requests") -> Batch:
    return make_batch(1, name=name, format="openai", requested_models=list(models))


def _assign(batch: Batch, **settings: Any) -> Assignment:
    return JudgingSettings(**settings).assign(batch)


@pytest.mark.parametrize("form", PROFILE_FORMATS)
def test_profiles_are_judged_by_the_shipped_rubric_unless_told_otherwise(
    form: str,
) -> None:
    assignment = _assign(make_batch(1, format=form))

    assert assignment.judge == Judge("aris-swe-v1", "smollm2-135m-instruct")
    assert assignment.rubric == load_rubric("aris-swe-v1")
    assert assignment.settings.prompt.temperature == 0


def test_requests_of_their_own_are_judged_by_no_rubric_and_not_scored() -> None:
    assignment = _assign(_openai("gpt-4o-mini"))

    assert assignment.judge == Judge("openai", "smollm2-135m-instruct")
    assert assignment.rubric is None
    assert assignment.scoring is None


def test_requests_of_their_own_can_be_given_a_rubric() -> None:
    assignment = _assign(_openai(), rubric="aris-swe-v1")

    assert assignment.judge.rubric == "aris-swe-v1"
    assert assignment.rubric is not None


def test_profiles_cannot_do_without_a_rubric() -> None:
    with pytest.raises(ConfigError, match="needs a rubric"):
        _assign(make_batch(1), rubric="openai")


def test_a_rubric_of_the_users_own_is_found_in_their_directory(tmp_path: Path) -> None:
    shipped = Path(judging.__file__).parents[1] / "prompts" / "rubrics" / "aris-swe-v1.yaml"
    text = shipped.read_text().replace("id: aris-swe-v1", "id: mine-v2", 1)
    (tmp_path / "mine-v2.yaml").write_text(text)

    assert _assign(make_batch(1), rubric="mine-v2", rubrics_dir=tmp_path).judge.rubric == "mine-v2"


def test_an_unknown_rubric_or_model_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="no-such-rubric"):
        _assign(make_batch(1), rubric="no-such-rubric")
    with pytest.raises(ConfigError, match="gema3:4b"):
        _assign(make_batch(1), engine=EngineSettings(model="gema3:4b"))


@pytest.mark.usefixtures("on_gpu")
def test_on_a_gpu_a_files_own_model_answers_it() -> None:
    assert _assign(_openai("gemma3:12b")).card.model_id == "google/gemma-3-12b-it"


@pytest.mark.usefixtures("on_gpu")
@pytest.mark.parametrize("name", ["evil/weights", "/tmp", "."])
def test_a_file_cannot_have_a_model_loaded_that_no_table_lists(name: str) -> None:
    with pytest.raises(ConfigError, match="unknown model"):
        _assign(_openai(name))


@pytest.mark.usefixtures("on_gpu")
def test_a_file_that_asks_for_several_models_needs_a_choice() -> None:
    batch = _openai("gemma3:12b", "mistral:7b")

    with pytest.raises(ConfigError, match=r"gemma3:12b, mistral:7b: choose one .* --model"):
        _assign(batch)
    chosen = _assign(batch, engine=EngineSettings(model="mistral"))
    assert chosen.judge.model == "mistral-7b-instruct-v0.3"


def test_without_a_gpu_the_small_model_stands_in_for_whatever_a_file_asks_for() -> None:
    assert _assign(_openai("gemma3:12b", "mistral:7b")).card.embedded


def test_the_history_profile_repeats_the_earlier_settings_where_nothing_else_is_said() -> None:
    settings = JudgingSettings(profile="history").with_profile()

    assert (settings.prompt.temperature, settings.prompt.max_tokens) == (0.7, 2000)
    assert settings.engine.context(on_gpu=True) == 4096
    assert settings.engine.gpu_memory_utilization == 0.90

    own = JudgingSettings(
        profile="history",
        prompt=PromptSettings(temperature=0.2, max_tokens=100),
        engine=EngineSettings(max_model_len=1024, gpu_memory_utilization=0.5),
    ).with_profile()
    assert (own.prompt.temperature, own.prompt.max_tokens) == (0.2, 100)
    assert (own.engine.max_model_len, own.engine.gpu_memory_utilization) == (1024, 0.5)
    assert own.with_profile() == own


def test_the_default_profile_changes_nothing() -> None:
    settings = JudgingSettings()

    assert settings.with_profile() == settings
    assert (settings.engine.context(on_gpu=True), settings.engine.context(on_gpu=False)) == (
        8192,
        2048,
    )


@pytest.fixture
def landed(store: DataStore) -> list[Shard]:
    """A batch of profiles and one that asks for another model."""
    for batch in (make_batch(1), _openai("mistral", name="2026-11-22_requests")):
        write_bytes(batch.model_dump_json().encode(), store.batch_file(batch.name))
    return [Shard(batch.name, "s000") for batch in store.batches()]


def test_the_shards_of_a_run_share_one_model(store: DataStore, landed: list[Shard]) -> None:
    assignments = Assignments(store, JudgingSettings())

    assert assignments.of_one_model(landed).card.embedded
    assert {assignments.of(shard).judge.rubric for shard in landed} == {"aris-swe-v1", "openai"}


@pytest.mark.usefixtures("on_gpu")
def test_shards_that_need_different_models_cannot_share_a_run(
    store: DataStore, landed: list[Shard]
) -> None:
    with pytest.raises(
        ConfigError, match=r"several models \(mistral-7b.*, smollm2.*batch by batch"
    ):
        Assignments(store, JudgingSettings()).of_one_model(landed)

    chosen = JudgingSettings(engine=EngineSettings(model="mistral"))
    assert Assignments(store, chosen).of_one_model(landed).card.name == "mistral-7b-instruct-v0.3"


def test_a_shard_of_an_unknown_batch_is_refused(store: DataStore) -> None:
    with pytest.raises(ConfigError, match="no batch 'gone'"):
        Assignments(store, JudgingSettings()).of(Shard("gone", "s000"))


@pytest.fixture
def embedded() -> None:
    pytest.importorskip("transformers")
    try:
        embedded_model_dir()
    except EngineError as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("embedded")
def test_an_assignment_renders_and_scores_with_the_models_own_tokenizer(store: DataStore) -> None:
    shard = Shard("2026-11-21_export", "s000")
    write_table(
        store.raw_candidates(shard), RawCandidates, {"title": "Engineer"}, {"title": "Cook"}
    )
    assignment = _assign(make_batch(2))

    counts = assignment.render(store, shard)

    prompts = pl.read_parquet(store.prompts(assignment.judge, shard))
    assert (counts.rows, prompts["error"].null_count()) == (2, 2)
    assert "Engineer" in assignment.tokenizer.decode(prompts["prompt_token_ids"][0].to_list())
    assert assignment.scoring is not None
    plan = assignment.scoring.plan
    assert plan.options == ("Strong Yes", "Yes", "Maybe", "No", "Strong No")
    even = [dict.fromkeys(node.child_token_ids, -1.0) for node in plan.nodes]
    assert sum(math.exp(value) for value in plan.option_logprobs(even)) == pytest.approx(1)
    assert assignment.identity.revision == assignment.card.identity().revision
