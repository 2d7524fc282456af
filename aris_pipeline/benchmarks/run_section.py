"""The section of BENCHMARKS.md about one run: figures, ratios, resources, answers, a picture."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from aris_pipeline.benchmarks.history import BESIDE_PEERS
from aris_pipeline.benchmarks.markdown_tables import (
    figure,
    in_words,
    mean_of,
    one_line,
    percent_of,
    table_head,
    table_row,
    with_interval,
)
from aris_pipeline.benchmarks.statistics import Interval, mean_interval, ratio_interval
from aris_pipeline.charts import Bar

IMAGES = Path("docs/images/benchmarks")


def section_of_run(runs: pl.DataFrame, answers: pl.DataFrame) -> tuple[str, dict[Path, list[Bar]]]:
    """Returns the section of a run that measured something, and the picture that it shows."""
    measured = runs.filter(status="measured").sort(
        "model", "position", "block", maintain_order=True
    )
    first = measured.row(0, named=True)
    arms = measured.partition_by("arm", maintain_order=True)
    bars = [_bar(arm) for arm in arms]
    digest = hashlib.sha256(repr(bars).encode()).hexdigest()[:10]
    picture = IMAGES / f"{first['run_id']}-{digest}.png"
    title = {
        BESIDE_PEERS: "Ours beside its peers",
        "seed-ab": "The customer's cells",
        "tuning": "Engine settings",
    }
    lines = [
        f"## {title.get(first['suite'], 'Engines')}, {first['started_at']:%d %B %Y}",
        "",
        *_facts(measured),
        "",
        *_speed_table(arms),
        "",
        f"![Requests per second of each arm]({picture.as_posix()})",
        "",
        *_ratio_table(measured),
        *_resource_table(arms),
        *_answer_table(answers),
        *_not_measured(runs),
        "Declared differences:",
        "",
        *(f"- `{arm['arm'][0]}`: {_differences(arm['differences'][0])}" for arm in arms),
        "",
    ]
    return "\n".join(lines), {picture: bars}


def _facts(measured: pl.DataFrame) -> Iterator[str]:
    first = measured.row(0, named=True)
    asked = " and ".join(dict.fromkeys(measured["workload"].to_list()))
    versions = json.loads(first["versions"])
    named = ", ".join(f"{name} {versions[name]}" for name in sorted(versions))
    loading = ", ".join(sorted(set(measured["loading"])))
    cache = "; ".join(sorted(set(measured["prefix_cache"])))
    yield f"- Run `{first['run_id']}`, commit `{first['git_commit'] or 'unknown'}`."
    gpu = f"{first['gpu']}, driver {first['driver']}; " if first["gpu"] else "no GPU; "
    yield f"- Machine: {gpu}{first['host']}. {named}."
    yield f"- Asked: {asked}; temperature {figure(first['temperature'])}."
    blocks = measured["block"].n_unique()
    yield (
        f"- {blocks} block{'s' * (blocks > 1)} in random turn, seed {first['seed']}; loaded: "
        f"{loading}; prefix cache before a block: {cache}."
    )
    if measured["random_weights"].any():
        yield "- **Random weights**: the answers mean nothing, the speed does."


def _speed_table(arms: Sequence[pl.DataFrame]) -> Iterator[str]:
    yield from table_head(
        "arm", "blocks", "load s", "processing s", "total s", "req/s (95 %)", "output tok/s",
        "total tok/s", "success", "valid", "latency p50 / p95 s", "prefix hits",
    )  # fmt: skip
    for arm in arms:
        req_s = mean_interval(arm["req_s"].to_list())
        yield table_row(
            f"`{arm['arm'][0]}`",
            str(arm.height),
            *(mean_of(arm, name) for name in ("load_s", "processing_s", "total_s")),
            with_interval(req_s),
            *(mean_of(arm, name) for name in ("output_tok_s", "total_tok_s")),
            *(percent_of(arm, name) for name in ("success_rate", "valid_rate")),
            f"{mean_of(arm, 'latency_p50_s')} / {mean_of(arm, 'latency_p95_s')}",
            percent_of(arm, "prefix_hit_rate"),
        )


def _ratio_table(measured: pl.DataFrame) -> Iterator[str]:
    """The first arm of each model against the others, in the blocks that both have."""
    rows = []
    for of_model in measured.partition_by("model", maintain_order=True):
        arms = of_model.partition_by("arm", maintain_order=True)
        for other in arms[1:]:
            both = arms[0].join(other, on="block", suffix="_other")
            if both.is_empty():
                continue
            rate = ratio_interval(both["req_s"].to_list(), both["req_s_other"].to_list())
            total = ratio_interval(both["total_s_other"].to_list(), both["total_s"].to_list())
            name = f"`{arms[0]['arm'][0]}` to `{other['arm'][0]}`"
            rows.append(
                table_row(name, str(both.height), with_interval(rate), with_interval(total))
            )
    if rows:
        yield from table_head("ratio", "pairs of blocks", "by req/s", "by total time")
        yield from rows
        yield ""


def _resource_table(arms: Sequence[pl.DataFrame]) -> Iterator[str]:
    yield from table_head(
        "arm", "CPU %", "memory GiB", "GPU memory GiB", "GPU %", "Wh per 1,000 rows", "preemptions"
    )
    for arm in arms:
        energy = arm.select(pl.col("gpu_energy_wh").sum() / pl.col("rows_ok").sum() * 1000).item()
        yield table_row(
            f"`{arm['arm'][0]}`",
            *(
                mean_of(arm, name)
                for name in ("cpu_percent", "rss_peak_gib", "gpu_memory_peak_gib")
            ),
            mean_of(arm, "gpu_utilization"),
            figure(energy) if arm["gpu_energy_wh"].is_not_null().any() else "",
            mean_of(arm, "preemptions"),
        )
    yield ""


def _answer_table(answers: pl.DataFrame) -> Iterator[str]:
    """What the answers are worth: a line for each pair and measure, a column for each criterion."""
    if answers.is_empty():
        return
    criteria = answers["criterion"].unique(maintain_order=True).to_list()
    heads = map(in_words, criteria)
    yield from table_head("answers of", "compared with", "measure", "rows", *heads)
    for group in answers.partition_by("arm", "against", "measure", maintain_order=True):
        first = group.row(0, named=True)
        against = "gold labels" if first["measure"].startswith("gold") else "itself, asked again"
        found = {row["criterion"]: _valued(row) for row in group.iter_rows(named=True)}
        yield table_row(
            f"`{first['arm']}`",
            f"`{first['against']}`" if first["against"] else against,
            in_words(first["measure"].removeprefix("gold_")),
            str(first["rows"]),
            *(found.get(criterion, "") for criterion in criteria),
        )
    yield ""


def _valued(row: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return ""
    return with_interval(Interval(row["value"], row["low"], row["high"]))


def _not_measured(runs: pl.DataFrame) -> Iterator[str]:
    others = runs.filter(pl.col("status") != "measured")
    for row in others.iter_rows(named=True):
        yield f"- `{row['arm']}`: {in_words(row['status'])}: {one_line(row['reason'])}"
    if others.height:
        yield ""


def _bar(arm: pl.DataFrame) -> Bar:
    interval = mean_interval(arm["req_s"].to_list())
    rounded = [round(value, 6) for value in arm["req_s"].to_list()]
    low, high = (None if end is None else round(end, 6) for end in (interval.low, interval.high))
    return Bar(arm["arm"][0], round(interval.value, 6), low, high, rounded)


def _differences(text: str) -> str:
    """Declared differences, the note last because it is a sentence."""
    found = json.loads(text)
    note = found.pop("note", None)
    said = ", ".join(f"{name} {found[name]}" for name in sorted(found))
    return f"{said}; {note}" if note else said
