"""Our CPU stages against a plain loop: seconds, rows per second and memory of each.

`python -m aris_pipeline.benchmarks.cpu_stages --rows 200000` makes that many synthetic candidates
and takes them through every stage. The engine is a stand-in that answers at once: this measures our
own stages and says nothing of a model. Each stage runs in a process of its own, shard after shard,
as a run's do, so its peak memory is its own.

The plain loop does the same work row by row, as a first script would: `json` reads, `jinja2`
renders, the tokenizer takes the whole prompt, `jsonschema` checks the answer.
"""

import argparse
import json
import multiprocessing
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple, Self

import jinja2
import polars as pl
from jsonschema import Draft202012Validator

from aris_pipeline.candidates import land_file, validate_shard
from aris_pipeline.candidates.synthetic import write_synthetic
from aris_pipeline.completions import complete_shards
from aris_pipeline.engines import Completion, EngineInfo, EngineSession, Request
from aris_pipeline.evaluations import evaluate_shard, rank_batch
from aris_pipeline.judging import Assignment, JudgingSettings
from aris_pipeline.prompts import answer_schema, read_origin
from aris_pipeline.prompts.frames import build_frame
from aris_pipeline.storage import Batch, DataStore, Shard
from aris_pipeline.throughput import measure_shard

STAGES = (
    "landing",
    "raw_candidates",
    "prompts",
    "completions",
    "evaluations",
    "throughput",
    "candidate_ranking",
)
PLAIN_STAGES = ("plain prompts", "plain evaluations")
"""The plain loop's counterparts of landing, raw_candidates and prompts; and of evaluations."""

_MIB = 1024
_DIFFERENT_ANSWERS = 997


class Measured(NamedTuple):
    """What a stage took; CPU seconds count all cores, and other work on the machine less."""

    stage: str
    rows: int
    seconds: float
    cpu_seconds: float
    rows_per_s: float
    peak_mib: float


class InstantEngine:
    """Stands in for an engine: valid answers at once, and log-probabilities out of the blue."""

    info = EngineInfo("instant", load_s=0.0, max_model_len=2048, kv_cache_tokens=None)

    def __init__(self, schema: dict[str, Any]) -> None:
        self._answers = cycle(instant_answers(schema))

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answers each request as it comes."""
        for request in requests:
            if request.logprob_token_ids:
                logprobs = {token: -1.0 - token % 7 for token in request.logprob_token_ids}
                yield Completion(request.request_id, finish_reason="length", logprobs=logprobs)
            else:
                yield Completion(
                    request.request_id,
                    text=next(self._answers),
                    finish_reason="stop",
                    prompt_tokens=len(request.prompt_token_ids),
                    output_tokens=100,
                    latency_s=0.0,
                )

    def kv_cache_usage(self) -> float | None:
        """Has no cache."""
        return None

    def close(self) -> None:
        """Has nothing to free."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def instant_answers(schema: dict[str, Any]) -> list[str]:
    """Returns valid answers to a rubric's schema, with reasons of the lengths that it allows."""
    rng = random.Random(1)  # noqa: S311

    def value(rule: dict[str, Any]) -> Any:
        if "enum" in rule:
            return rng.choice(rule["enum"])
        if rule["type"] == "boolean":
            return rng.random() < 0.5  # noqa: PLR2004
        longest = int(rule["pattern"].rpartition(",")[2].removesuffix("}$"))
        return "".join(rng.choices("etaoin shrdlu", k=rng.randint(9, longest))) + "."

    def answer() -> dict[str, Any]:
        values = {name: value(rule) for name, rule in schema["properties"].items()}
        return {
            name: f"A{found[1:]}" if name.endswith("_reason") else found
            for name, found in values.items()
        }

    return [json.dumps(answer(), separators=(",", ":")) for _ in range(_DIFFERENT_ANSWERS)]


def measure(rows: int, folder: Path, *, plain_rows: int = 0) -> list[Measured]:
    """Runs all stages, and the plain loop if wanted, and returns what each took.

    Args:
        rows: number of synthetic candidates.
        folder: an empty directory; what the stages write stays there.
        plain_rows: rows of the plain loop.
    """
    file, few = folder / "candidates.json", folder / "few.json"
    write_synthetic(rows, 1, "aris", file)
    measured = [_apart(stage, file, folder / "data", rows) for stage in STAGES]
    if plain_rows:
        write_synthetic(plain_rows, 1, "aris", few)
        measured += [_apart(stage, few, folder, plain_rows) for stage in PLAIN_STAGES]
    return measured


def _apart(stage: str, file: Path, folder: Path, rows: int) -> Measured:
    """Runs one stage in a fresh process."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        seconds, cpu_seconds, peak_mib = pool.submit(_run, stage, file, folder).result()
    return Measured(stage, rows, seconds, cpu_seconds, rows / seconds, peak_mib)


def _run(stage: str, file: Path, folder: Path) -> tuple[float, float, float]:
    """Runs a stage after all that it imports and loads; returns seconds and peak MiB."""
    work = _plain(stage, file, folder) if stage in PLAIN_STAGES else _ours(stage, file, folder)
    started, started_cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - started_cpu, _peak_mib()


def _ours(stage: str, file: Path, folder: Path) -> Callable[[], object]:
    store = DataStore(folder)
    if stage == "landing":
        return lambda: land_file(store, file)
    batch = store.batches()[0]
    assignment = JudgingSettings().assign(batch)
    if stage == "candidate_ranking":
        return lambda: rank_batch(store, assignment.judge, batch)
    assert assignment.tokenizer  # noqa: S101 - loaded before the clock starts
    one = _stage_of_shard(stage, store, assignment)

    def all_shards() -> None:
        for shard in _shards(batch):
            one(shard)

    return all_shards


def _stage_of_shard(
    stage: str, store: DataStore, assignment: Assignment
) -> Callable[[Shard], object]:
    judge, rubric = assignment.judge, assignment.rubric
    assert rubric is not None  # noqa: S101 - candidates are judged by one
    engine = InstantEngine(answer_schema(rubric))
    session = EngineSession(lambda: engine)

    def complete(shard: Shard) -> object:
        return list(
            complete_shards(
                *(store, judge, [shard], session),
                scoring=assignment.scoring,
                shorten=assignment.shorten,
                run_id="benchmark",
                on_written=lambda _shard, stats: stats,
            )
        )

    def evaluate(shard: Shard) -> object:
        origin = read_origin(store.prompts(judge, shard))
        return evaluate_shard(store, judge, shard, origin.rubric, origin.identity)

    return {
        "raw_candidates": lambda shard: validate_shard(store, shard),
        "prompts": lambda shard: assignment.render(store, shard),
        "completions": complete,
        "evaluations": evaluate,
        "throughput": lambda shard: measure_shard(store, judge, shard),
    }[stage]


def _shards(batch: Batch) -> list[Shard]:
    return [Shard.numbered(batch.name, index) for index in range(len(batch.shard_rows))]


_PROFILE = """\
Title: {{ title }} at {{ company }}
Location: {{ location }}
Jobs:
{% for job in work_info -%}
- {{ job.title }}, {{ job.company }}, {{ job.work_start_date }} to {{ job.work_end_date or "now" -}}
: {{ job.description }}
{% endfor -%}
Education:
{% for degree in education_info -%}
- {{ degree.degree }} {{ degree.field_of_study }}, {{ degree.school }}, {{ degree.end_date }}
{% endfor -%}
Skills: {{ skills | join(", ") }}
"""


def _plain(stage: str, file: Path, folder: Path) -> Callable[[], object]:
    settings = JudgingSettings()
    batch = DataStore(folder / "data").batches()[0]
    assignment = settings.assign(batch)
    rubric, tokenizer = assignment.rubric, assignment.tokenizer
    assert rubric is not None  # noqa: S101 - candidates are judged by one
    frame = build_frame(rubric, tokenizer)
    schema = answer_schema(rubric)
    validator = Draft202012Validator(schema)
    template = jinja2.Environment(autoescape=False).from_string(_PROFILE)  # noqa: S701 - no HTML

    def prompts() -> None:
        candidates = json.loads(file.read_text())["candidates"]
        with (folder / "plain-prompts.jsonl").open("w") as out:
            for candidate in candidates:
                profile = template.render(candidate["gemData"])
                text = tokenizer.apply_chat_template(
                    frame.messages(profile), tokenize=False, add_generation_prompt=True
                )
                ids = tokenizer(text, add_special_tokens=False)["input_ids"]
                row = {"custom_id": candidate["aristotleId"], "prompt": text, "token_ids": ids}
                out.write(json.dumps(row) + "\n")

    def evaluations() -> None:
        with (folder / "plain-prompts.jsonl").open() as lines:
            ids = [re.findall('"custom_id": "([^"]+)"', line)[0] for line in lines]
        texts = islice(cycle(instant_answers(schema)), len(ids))
        with (folder / "plain-evaluations.jsonl").open("w") as out:
            for custom_id, text in zip(ids, texts, strict=True):
                answer = json.loads(text)
                validator.validate(answer)
                out.write(json.dumps({"custom_id": custom_id, **answer}) + "\n")

    return prompts if stage == "plain prompts" else evaluations


def _peak_mib() -> float:
    """Most memory that this process has held; getrusage would start at that of its parent."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / _MIB if found else 0.0


def main() -> None:
    """Measures, and prints a row for each stage."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.cpu_stages")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--plain-rows", type=int, default=20_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(chosen.rows, Path(folder), plain_rows=chosen.plain_rows)
    with pl.Config(tbl_formatting="MARKDOWN", tbl_hide_column_data_types=True, tbl_rows=-1):
        print(pl.DataFrame(measured))  # noqa: T201 - the result of the command


if __name__ == "__main__":
    main()
