"""Audits through the real definitions, with engines whose bias and instability are known."""

import dataclasses
import functools
import hashlib
import math
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from aris_pipeline.defs.batch_run import BatchRunner, RunOutcome
from aris_pipeline.engines import Completion, Request, RequestId
from aris_pipeline.errors import ConfigError
from aris_pipeline.models import find_model, load_tokenizer
from aris_pipeline.prompts import load_rubric
from aris_pipeline.scoring import build_score_plan
from aris_pipeline.storage import DataStore
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.fake_engine import FakeEngine, FakeEngineResource

pytestmark = pytest.mark.slow

WriteFile = Callable[..., Path]
Score = Callable[[str], float]
_PROFILE_TOKENS = 600


class ScoringEngine(FakeEngine):
    """Gives each prompt the score that a function of its text says, by its log-probabilities."""

    def __init__(self, score: Score, tokenizer: Any) -> None:
        super().__init__()
        self._score, self._tokenizer, self._share = score, tokenizer, 0.0
        self._plan = build_score_plan(load_rubric("aris-swe-v1"), tokenizer)

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        for request in requests:
            node = RequestId.parse(request.request_id).node
            if node is None:
                yield from super().generate([request])
            else:
                yield Completion(request.request_id, logprobs=self._logprobs(request, node))

    def _logprobs(self, request: Request, node: int) -> dict[int, float]:
        chances = [0.2] * 5
        if not request.request_id.startswith("calibration"):
            if node == 0:  # the nodes of a row come one after the other
                text = self._tokenizer.decode(request.prompt_token_ids[-_PROFILE_TOKENS:])
                self._share = min(max(self._score(text), 0.01), 3.99) / 4
            chances = [self._share, 1e-9, 1e-9, 1e-9, 1 - self._share]
        mass = dict.fromkeys(request.logprob_token_ids, 0.0)
        for path, chance in zip(self._plan.paths, chances, strict=True):
            mass |= {token: mass[token] + chance for at, token in path if at == node}
        return {token: math.log(share) for token, share in mass.items()}


@functools.cache
def tokenizer() -> Any:
    return load_tokenizer(find_model(None))


def of_the_jobs(text: str) -> float:
    """A score from 0.5 to 3.5 that follows from the jobs, which no signal changes."""
    profile = text.rpartition("<profile>")[2]
    jobs = "".join(sorted(re.findall(r"^- .*\d{4}-\d\d to .*$", profile, re.MULTILINE)))
    return 0.5 + 3 * hashlib.sha256(jobs.encode()).digest()[0] / 255


def biased(text: str) -> float:
    return of_the_jobs(text) - 0.3 * ("Women in Engineering" in text)


class Unstable:
    """A judge that takes the other side of the cut for each twentieth prompt it is asked again."""

    def __init__(self) -> None:
        self.again, self.asked, self.flipped = False, 0, set[str]()

    def __call__(self, text: str) -> float:
        score = of_the_jobs(text)
        if self.again:
            self.asked += 1
            if self.asked % 20 == 0:
                return 5 - score
        return score


@pytest.fixture
def judged(
    runner: BatchRunner, write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Score], RunOutcome]:
    def run(score: Score) -> RunOutcome:
        engine = functools.partial(ScoringEngine, score, tokenizer())
        monkeypatch.setattr(FakeEngineResource, "make", staticmethod(engine))
        return runner.run(write_file(40), {}, "evaluations")

    return run


def read(store: DataStore, table: str) -> pl.DataFrame:
    (file,) = (store.root / table).glob("**/*.parquet")
    return pl.read_parquet(file, hive_partitioning=False)


def test_a_bias_of_the_engine_is_found_and_the_placebo_is_quiet(
    runner: BatchRunner,
    store: DataStore,
    instance: dg.DagsterInstance,
    judged: Callable[[Score], RunOutcome],
) -> None:
    outcome = judged(biased)
    before = {file: file.read_bytes() for file in store.root.glob("[ce]*/**/*.parquet")}

    runner.audit(outcome.batch, "bias_probe", {"rows": 15, "answers": 3})

    table = read(store, "bias_probe")
    clear = table.filter("clear")
    assert clear["signal"].to_list() == ["club_of_women"]
    assert clear["mean_shift"].item() == pytest.approx(-0.3, abs=0.02)
    assert table.filter("is_placebo")["mean_shift"].item() == pytest.approx(0)
    name = table.filter(signal="name").row(0, named=True)
    assert (name["must_be_inert"], name["pairs"], name["inert"]) == (
        True,
        0,
        15 - name["not_applicable"],
    )
    assert table["answered"].sum() > 0
    assert before == {file: file.read_bytes() for file in store.root.glob("[ce]*/**/*.parquet")}
    event = instance.get_latest_materialization_event(dg.AssetKey("bias_probe"))
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert metadata["shift_club_of_women"].value == pytest.approx(-0.3, abs=0.02)


def test_verdicts_that_change_when_asked_again_are_counted(
    runner: BatchRunner, store: DataStore, judged: Callable[[Score], RunOutcome]
) -> None:
    judge = Unstable()
    outcome = judged(judge)
    judge.again = True

    runner.audit(outcome.batch, "verdict_stability", {"rows": 40})

    table = read(store, "verdict_stability").filter(part="batch")
    assert table["kind"].to_list() == [
        "other_rows", "alone", "paraphrased", "sections", "scale_reversed",
    ]  # fmt: skip
    assert table["asked_again"].to_list()[:2] == [40, 40]
    assert table["flip_rate"].is_between(0, 0.15).all()
    assert table["flips"].sum() > 0
    assert ((table["flip_low"] <= 0.05) & (table["flip_high"] >= 0.05)).all()

    others = dataclasses.replace(runner, judging={"max_tokens": 300})
    with pytest.raises(ConfigError, match="judged by other settings than these"):
        others.audit(outcome.batch, "verdict_stability", {"rows": 40})


def test_the_commands_show_figures_and_what_is_missing(
    tmp_path: Path, write_file: WriteFile
) -> None:
    data = tmp_path / "data"
    aris("run", write_file(6), "--data-dir", data)
    batch = next((data / "batches").iterdir()).stem

    probed = aris("audit", "probe", batch, "--rows", 2, "--data-dir", data, "--json")
    again = aris("audit", "stability", batch, "--rows", 6, "--data-dir", data)

    assert probed.figures["faults"] == []
    assert [one["signal"] for one in probed.figures["signals"]][-1] == "placebo"
    assert {one["rows"] for one in probed.figures["signals"]} == {2}
    assert "scale_reversed" in again.stdout
    assert "undecided band" not in again.stdout

    nobody = aris("audit", "probe", "2026-01-01_none", "--data-dir", data)
    assert nobody.code == 2
    assert "no batch '2026-01-01_none'" in nobody.stderr


def test_without_redaction_a_name_is_a_signal_like_the_others(
    runner: BatchRunner, store: DataStore, write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = functools.partial(ScoringEngine, of_the_jobs, tokenizer())
    monkeypatch.setattr(FakeEngineResource, "make", staticmethod(engine))
    open_names = dataclasses.replace(runner, judging={"redact": False})
    outcome = open_names.run(write_file(12), {}, "evaluations")

    open_names.audit(outcome.batch, "bias_probe", {"rows": 4})

    name = read(store, "bias_probe").filter(signal="name").row(0, named=True)
    assert not name["must_be_inert"]
    assert name["pairs"] + name["not_applicable"] == 4
