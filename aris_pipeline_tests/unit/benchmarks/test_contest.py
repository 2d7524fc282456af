"""What a benchmark run does, keeps, and leaves alone."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from aris_pipeline.benchmarks import Contest, FileSource, History, Plan, read_gold, run_contest
from aris_pipeline.candidates import LandingOptions, land_file
from aris_pipeline.engines import Completion, EngineSettings, Request
from aris_pipeline.errors import ConfigError, EngineError
from aris_pipeline.judging import JudgingSettings
from aris_pipeline.models import ModelCard
from aris_pipeline.storage import DataStore, Labels, write_parquet
from aris_pipeline_tests.fake_engine import FakeEngine, answer_by_schema
from aris_pipeline_tests.unit.benchmarks.conftest import CARD, Fakes

pytestmark = pytest.mark.slow

MakeContest = Callable[..., Contest]


@pytest.fixture(autouse=True)
def _no_lock_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake engines need none, and a real one may be at work."""
    monkeypatch.setattr("aris_pipeline.benchmarks.contest.EngineLock.acquire", lambda _lock: None)
    FakeEngine.reset()


def test_blocks_are_in_turn_in_an_order_that_the_seed_tells(
    store: DataStore, contest: MakeContest
) -> None:
    plan = Plan("engines", blocks=4, seed=3, warm_up_rows=2)
    runs = run_contest(store, contest("offline", "serve", plan=plan), opens=Fakes())

    assert runs["turn"].to_list() == list(range(1, 9))
    assert runs["block"].to_list() == [1, 1, 2, 2, 3, 3, 4, 4]
    for _, of_block in runs.group_by("block"):
        assert set(of_block["engine"]) == {"offline", "serve"}
    again = run_contest(store, contest("offline", "serve", plan=plan), opens=Fakes())
    assert again["engine"].to_list() == runs["engine"].to_list()
    orders = {tuple(Plan("engines", blocks=4, seed=seed).turns(2)) for seed in range(8)}
    assert len(orders) > 1


def test_all_arms_are_asked_the_same_tokens_and_nothing_twice_or_shared(
    store: DataStore, contest: MakeContest, tmp_path: Path
) -> None:
    # Two candidates with the same profile have the same prompt: a run would answer them once.
    file = tmp_path / "twins.jsonl"
    profile = {"title": "Engineer", "skills": ["Go"]}
    file.write_text("".join(json.dumps({"id": f"c{n}", **profile}) + "\n" for n in range(2)))
    source = FileSource(file, None, JudgingSettings())
    plan = Plan("engines", blocks=1, warm_up_rows=0)

    runs = run_contest(store, contest("stage", "serve", source=source, plan=plan), opens=Fakes())

    asked = [request.prompt_token_ids for request in FakeEngine.asked]
    assert len(asked) == 4
    assert asked[0] == asked[1] == asked[2] == asked[3]
    assert runs["rows_ok"].to_list() == [2, 2]


def test_a_run_touches_nothing_but_the_benchmarks_of_the_data_directory(
    store: DataStore, contest: MakeContest
) -> None:
    run_contest(store, contest("stage", "offline"), opens=Fakes())

    assert [place.name for place in store.root.iterdir()] == ["benchmarks"]
    history = History(store.benchmarks)
    assert history.runs().height == 4
    for file in store.root.rglob("*.parquet"):
        columns = pl.read_parquet_schema(file)
        assert not {"text", "messages", "answer_json", "custom_id"} & set(columns)


def test_the_prefix_cache_is_emptied_before_each_block_and_the_row_says_so(
    store: DataStore, contest: MakeContest
) -> None:
    fakes = Fakes()

    runs = run_contest(store, contest("offline", "serve"), opens=fakes)

    assert fakes.resets == 4
    assert set(runs["prefix_cache"]) == {"emptied"}
    assert set(runs["warm_up_rows"]) == {2}
    assert len(FakeEngine.generated()) == 4 * (6 + 2)


def test_a_model_is_closed_before_the_next_is_loaded(
    store: DataStore, contest: MakeContest
) -> None:
    in_turn = Fakes()
    said: list[str] = []
    plan = Plan("engines", blocks=2, warm_up_rows=0)

    run_contest(store, contest("offline", "serve", plan=plan), opens=in_turn, say=said.append)

    loaded = 0
    for event in in_turn.events:
        loaded += 1 if event.startswith("open") else -1
        assert loaded <= 1
    assert loaded == 0
    assert any("GiB freed" in text for text in said)


def test_an_arm_that_fails_is_kept_with_its_reason_and_the_others_go_on(
    store: DataStore, contest: MakeContest
) -> None:
    def dies(_request: Request) -> Completion:
        raise EngineError("the server crashed")

    runs = run_contest(store, contest("serve", "offline"), opens=Fakes(serve=dies))

    failed = runs.filter(engine="serve")
    assert failed["status"].to_list() == ["failed"]
    assert failed["reason"].to_list() == ["the server crashed"]
    assert runs.filter(engine="offline")["status"].to_list() == ["measured"] * 2


def test_the_stage_is_not_made_to_repair_what_no_peer_repairs(
    store: DataStore, contest: MakeContest
) -> None:
    def broken(request: Request) -> Completion:
        return replace(answer_by_schema(request), text="not JSON")

    plan = Plan("compare", blocks=1, warm_up_rows=0)
    runs = run_contest(store, contest("stage", plan=plan), opens=Fakes(offline=broken))

    assert len(FakeEngine.generated()) == 6
    assert runs["rows_ok"].to_list() == [6]
    assert runs["rows_valid"].to_list() == [0]


def test_answers_of_a_fixed_length_are_asked_for_without_a_schema_and_checked_for_it(
    store: DataStore, contest: MakeContest, write_file: Callable[..., Path]
) -> None:
    def half_of_them_short(request: Request) -> Completion:
        short = int(request.request_id.removeprefix("key-").encode().hex(), 16) % 2
        return Completion(request.request_id, "x", "length", output_tokens=20 - short)

    source = FileSource(write_file(6), None, JudgingSettings(), output_tokens=20)
    plan = Plan("compare", blocks=1, warm_up_rows=0)
    fakes = Fakes(offline=half_of_them_short)
    runs = run_contest(store, contest("stage", "offline", source=source, plan=plan), opens=fakes)

    for request in FakeEngine.generated():
        assert request.sampling.ignore_eos
        assert request.sampling.max_tokens == 20
        assert request.response_schema is None
    short = sum(
        answered.output_tokens == 19
        for answered in map(half_of_them_short, FakeEngine.generated()[:6])
    )
    assert 0 < short < 6
    assert runs["rows_valid"].to_list() == [6 - short] * 2
    assert runs["fixed_lengths"].all()


def test_a_model_that_does_not_fit_is_kept_as_such_and_not_loaded(
    store: DataStore, contest: MakeContest
) -> None:
    fakes = Fakes()

    runs = run_contest(
        store, contest("offline"), opens=fakes, fits=lambda *_: "needs 28 GiB, there are 16"
    )

    assert fakes.events == []
    assert runs.select("status", "reason").rows() == [
        ("does_not_fit", "needs 28 GiB, there are 16")
    ]


def test_a_run_does_not_name_the_directory_that_a_model_lies_in(
    store: DataStore, contest: MakeContest
) -> None:
    checkpoint = Path(CARD.checkpoint())
    card = CARD.model_copy(update={"model_id": str(checkpoint), "embedded": False})

    asked = run_contest(store, contest("offline", cards=[card]), opens=Fakes())
    left = run_contest(store, contest("offline", cards=[card], needs_gpu=True), opens=Fakes())

    for runs in (asked, left):
        declared = json.loads(runs["differences"][0])
        assert declared["model_id"] == checkpoint.name


def test_cells_that_need_a_gpu_stay_pending_without_one(
    store: DataStore, contest: MakeContest
) -> None:
    runs = run_contest(store, contest("offline", "serve", needs_gpu=True), opens=Fakes())

    assert runs["status"].to_list() == ["pending"] * 2
    assert set(runs["reason"]) == {"this machine has no GPU"}


def test_engines_are_compared_answer_by_answer_and_asked_again(
    store: DataStore, contest: MakeContest
) -> None:
    def contrary(request: Request) -> Completion:
        answer = answer_by_schema(request)
        said = json.loads(answer.text or "")
        return replace(answer, text=json.dumps({**said, "recommendation": "No"}))

    run_contest(store, contest("offline", "serve"), opens=Fakes(serve=contrary))

    found = {
        (row["arm"].split()[0], row["measure"], row["criterion"]): row["value"]
        for row in History(store.benchmarks).answers().iter_rows(named=True)
    }
    assert found["serve", "agreement", "education"] == 1
    assert found["serve", "agreement", "recommendation"] < 1
    assert found["serve", "kappa", "recommendation"] == 0, "who always says No agrees by chance"
    assert found["offline", "flip_rate", "recommendation"] == 0
    assert ("offline", "agreement", "recommendation") not in found


@pytest.mark.parametrize("by_people", [False, True])
def test_answers_are_compared_with_gold_labels_or_with_those_of_people(
    store: DataStore,
    contest: MakeContest,
    tmp_path: Path,
    write_file: Callable[..., Path],
    *,
    by_people: bool,
) -> None:
    candidates, file = write_file(6), tmp_path / "gold.csv"
    source = FileSource(candidates, None, JudgingSettings())
    ids = [request.request_id for request in source.workload(CARD).requests]
    if by_people:
        batch = land_file(store, candidates, LandingOptions())
        # Raters disagree about the last candidate, who then has no gold label.
        said = [*((who, "Ada", "No") for who in ids[:5]), (ids[4], "Ben", "Yes")]
        rows = [
            {"batch": batch.name, "custom_id": who, "criterion": "recommendation", "rater": rater,
             "label": label, "labelled_at": datetime.now(UTC), "sample_id": "s", "weight": 1.0,
             "stratum": "random", "request_key": who}
            for who, rater, label in said
        ]  # fmt: skip
        write_parquet(pl.DataFrame(rows), store.labels(batch.name) / "one.parquet", Labels)
    else:
        file.write_text("custom_id,recommendation\n" + "".join(f"{i},NO\n" for i in ids[:4]))

    def always_no(request: Request) -> Completion:
        answer = answer_by_schema(request)
        said = json.loads(answer.text or "")
        return replace(answer, text=json.dumps({**said, "recommendation": "No"}))

    run_contest(
        store,
        contest("offline", source=source, gold=None if by_people else read_gold(file)),
        opens=Fakes(offline=always_no),
    )

    gold = (
        History(store.benchmarks)
        .answers()
        .filter(measure="gold_agreement", criterion="recommendation")
    )
    assert gold.select("value", "rows").rows() == [(1.0, 4)]


@pytest.mark.parametrize("content", ["", "custom_id\nc1\n", "id,recommendation\nc1,No\n"])
def test_gold_labels_without_the_right_columns_are_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "gold.csv"
    file.write_text(content)

    with pytest.raises(ConfigError, match="custom_id"):
        read_gold(file)


def test_a_contestant_that_nobody_knows_is_refused_before_anything_is_loaded(
    store: DataStore, contest: MakeContest
) -> None:
    with pytest.raises(ConfigError, match="no contestant vllm; known: offline, serve"):
        run_contest(store, contest("vllm"), opens=Fakes())


def test_the_workload_is_the_same_for_every_model_and_another_for_other_rows(
    write_file: Callable[..., Path],
) -> None:
    source = FileSource(write_file(6), 3, JudgingSettings())

    workload = source.workload(CARD)

    assert len(workload.requests) == 3
    assert workload.schema_on
    other = CARD.model_copy(update={"load_format": "dummy"})
    assert source.workload(other).digest == workload.digest
    assert replace(source, rows=4).workload(CARD).digest != workload.digest
    free = replace(source, schema_on=False).workload(CARD)
    assert not free.schema_on
    assert free.digest != workload.digest


def test_engines_are_compared_with_a_gpu_of_their_own(
    store: DataStore, contest: MakeContest
) -> None:
    both = contest("offline", "serve")
    sharing = replace(both, settings=both.settings.model_copy(update={"engines_per_gpu": 2}))
    asked_to_fit: list[int] = []

    def fits(_card: ModelCard, settings: EngineSettings) -> None:
        asked_to_fit.append(settings.engines_per_gpu)

    runs = run_contest(store, sharing, opens=Fakes(), fits=fits)

    assert set(runs["status"]) == {"measured"}
    assert asked_to_fit == [1]
