"""BENCHMARKS.md and its pictures, written from the committed history and from nothing else.

Equal histories give equal texts. A picture's name carries the digest of what it shows, so the text
tells whether a picture is the right one, whatever bytes another build of matplotlib draws.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from aris_pipeline.benchmarks.cells import cells
from aris_pipeline.benchmarks.decision import MEASURES, Decision, DecisionSettings, decide
from aris_pipeline.benchmarks.history import History
from aris_pipeline.benchmarks.statistics import Interval, mean_interval, ratio_interval
from aris_pipeline.charts import Bar, digits, side_by_side
from aris_pipeline.storage import write_bytes

IMAGES = Path("docs/images/benchmarks")
_COMMAND = "aris benchmark report"

_INTRODUCTION = f"""\
# Benchmarks

Written by `{_COMMAND}` from the runs in `docs/benchmarks`; do not edit.
Figures are of the machine that is named with them and of nothing else.
"""

_METHOD = """\
## How it is measured

- Every arm of a model is asked the same rendered token ids, with the same sampling and, where one is named, the same JSON schema. Answers are neither reused nor shared between rows.
- Blocks are repeated in turn: each block holds every arm once, in a random order whose seed is kept. Machines differ by 30 % from day to day, so only figures of one run compare.
- Before each block the arm is warmed up with a few rows, and then the prefix cache is emptied; where that cannot be done, the table says so. Arms in one process share one loaded model.
- `processing` is from the first request to the last answer, at hand or written; `total` adds the load.
- Intervals are 95 % percentile bootstrap intervals over blocks (Efron 1979), those of answers over rows. Of few blocks they are too narrow: they never leave the range of the blocks themselves.
- A ratio is the geometric mean of the ratios of equal blocks, so that what both met drops out. Above 1 the first arm is faster.
- Kappa is Cohen's (1960): agreement beyond chance. It is undefined, and left empty, where both sides give every row the same category.
- A flip is another category for the same row in the second block, asked with another seed; at temperature 0 it shows what batching does to rounding.
- Random weights tell speed and nothing else.

[The decision record](docs/decisions/0014-blocks-in-turn-and-ratios.md) says why.
"""  # noqa: E501 - a line a sentence, as in all documents


@dataclass(frozen=True)
class Report:
    """The document, and the pictures that it shows by their path from the repository's root."""

    text: str
    pictures: dict[Path, list[Bar]]


def build_report(history: History, settings: DecisionSettings) -> Report:
    """Returns what the report of a history is, without writing or drawing anything."""
    runs, answers = history.runs(), history.answers()
    pictures: dict[Path, list[Bar]] = {}
    parts = [_INTRODUCTION, _METHOD]
    parts += [_section_of_decision(decision, settings) for decision in decide(history, settings)]
    parts.append(_section_of_cells(runs))
    for run_id in sorted(runs["run_id"].unique(), reverse=True):
        of_run = runs.filter(run_id=run_id)
        if of_run.filter(status="measured").height:
            section, drawn = _section_of_run(of_run, answers.filter(run_id=run_id))
            parts.append(section)
            pictures |= drawn
    parts.append(_section_of_reported())
    return Report("\n".join(parts), pictures)


def write_report(history: History, settings: DecisionSettings, root: Path) -> list[Path]:
    """Writes BENCHMARKS.md and its pictures under the root of the repository.

    Pictures that the report no longer shows are removed.

    Returns:
        The files that were written.
    """
    report = build_report(history, settings)
    for old in (root / IMAGES).glob("*.png"):
        if old.relative_to(root) not in report.pictures:
            old.unlink()
    written = []
    for path, bars in report.pictures.items():
        png = side_by_side(bars, "requests/s", "Requests per second, with every block")
        if png is not None:
            write_bytes(png, root / path)
            written.append(root / path)
    write_bytes(report.text.encode(), root / "BENCHMARKS.md")
    return [root / "BENCHMARKS.md", *written]


def stale_parts(history: History, settings: DecisionSettings, root: Path) -> list[str]:
    """Returns what of the written report is not what the history gives; empty where it is."""
    report = build_report(history, settings)
    document = root / "BENCHMARKS.md"
    found = [f"{path} is missing" for path in report.pictures if not (root / path).exists()]
    if not document.exists():
        found.append("BENCHMARKS.md is missing")
    elif document.read_text(encoding="utf-8") != report.text:
        found.append("BENCHMARKS.md is out of date")
    return found


def _section_of_run(runs: pl.DataFrame, answers: pl.DataFrame) -> tuple[str, dict[Path, list[Bar]]]:
    measured = runs.filter(status="measured").sort(
        "model", "position", "block", maintain_order=True
    )
    first = measured.row(0, named=True)
    arms = measured.partition_by("arm", maintain_order=True)
    bars = [_bar(arm) for arm in arms]
    digest = hashlib.sha256(repr(bars).encode()).hexdigest()[:10]
    picture = IMAGES / f"{first['run_id']}-{digest}.png"
    title = {"compare": "Ours beside its peers", "seed-ab": "The customer's cells"}
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
    yield f"- Asked: {asked}; temperature {_of(first['temperature'])}."
    yield (
        f"- {measured['block'].n_unique()} blocks in random turn, seed {first['seed']}; loaded: "
        f"{loading}; prefix cache before a block: {cache}."
    )
    if measured["random_weights"].any():
        yield "- **Random weights**: the answers mean nothing, the speed does."


def _speed_table(arms: Sequence[pl.DataFrame]) -> Iterator[str]:
    yield from _table_head(
        "arm", "blocks", "load s", "processing s", "total s", "req/s (95 %)", "output tok/s",
        "total tok/s", "success", "valid", "latency p50 / p95 s", "prefix hits",
    )  # fmt: skip
    for arm in arms:
        req_s = mean_interval(arm["req_s"].to_list())
        yield _row(
            f"`{arm['arm'][0]}`",
            str(arm.height),
            *(_mean(arm, name) for name in ("load_s", "processing_s", "total_s")),
            _with_interval(req_s),
            *(_mean(arm, name) for name in ("output_tok_s", "total_tok_s")),
            *(_percent(arm, name) for name in ("success_rate", "valid_rate")),
            f"{_mean(arm, 'latency_p50_s')} / {_mean(arm, 'latency_p95_s')}",
            _percent(arm, "prefix_hit_rate"),
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
            rows.append(_row(name, str(both.height), _with_interval(rate), _with_interval(total)))
    if rows:
        yield from _table_head("ratio", "pairs of blocks", "by req/s", "by total time")
        yield from rows
        yield ""


def _resource_table(arms: Sequence[pl.DataFrame]) -> Iterator[str]:
    yield from _table_head(
        "arm", "CPU %", "memory GiB", "GPU memory GiB", "GPU %", "Wh per 1,000 rows", "preemptions"
    )
    for arm in arms:
        energy = arm.select(pl.col("gpu_energy_wh").sum() / pl.col("rows_ok").sum() * 1000).item()
        yield _row(
            f"`{arm['arm'][0]}`",
            *(_mean(arm, name) for name in ("cpu_percent", "rss_peak_gib", "gpu_memory_peak_gib")),
            _mean(arm, "gpu_utilisation"),
            _of(energy) if arm["gpu_energy_wh"].is_not_null().any() else "",
            _mean(arm, "preemptions"),
        )
    yield ""


def _answer_table(answers: pl.DataFrame) -> Iterator[str]:
    if answers.is_empty():
        return
    yield from _table_head("answers of", "compared with", "criterion", "measure", "value", "rows")
    for row in answers.iter_rows(named=True):
        against = "gold labels" if row["measure"].startswith("gold") else "itself, asked again"
        yield _row(
            f"`{row['arm']}`",
            f"`{row['against']}`" if row["against"] else against,
            row["criterion"],
            row["measure"].removeprefix("gold_").replace("_", " "),
            ""
            if row["value"] is None
            else _with_interval(Interval(row["value"], row["low"], row["high"])),
            str(row["rows"]),
        )
    yield ""


def _not_measured(runs: pl.DataFrame) -> Iterator[str]:
    others = runs.filter(pl.col("status") != "measured")
    for row in others.iter_rows(named=True):
        yield f"- `{row['arm']}`: {_status(row['status'])}: {_one_line(row['reason'])}"
    if others.height:
        yield ""


def _section_of_decision(decision: Decision, settings: DecisionSettings) -> str:
    one_run = "in one run" if decision.one_run else "in different runs, which compare badly"
    shares = ", ".join(
        f"{measure.replace('_', ' ')} {share:.0%}" for measure, share in settings.shares.items()
    )
    lines = [
        f"## Decision for {decision.gpu or decision.host}",
        "",
        f"{decision.verdict} Asked: {decision.workload}; measured {one_run}. Weights: {shares}.",
        "",
        *_table_head("rank", "engine", "model", "score (95 %)", *_spaced(MEASURES)),
    ]
    for rank, one in enumerate(decision.candidates, start=1):
        scores = [f"{one.scores[measure]:.2f}" for measure in MEASURES]
        lines.append(_row(str(rank), one.engine, one.model, _with_interval(one.score), *scores))
    lines += ["", *_table_head("weight", "set", "another wins below", "another wins above")]
    for measure, margin in decision.margins.items():
        lines.append(
            _row(
                measure.replace("_", " "),
                f"{margin.weight:.0%}",
                f"{margin.low:.0%}: {margin.low_winner}" if margin.low is not None else "never",
                f"{margin.high:.0%}: {margin.high_winner}" if margin.high is not None else "never",
            )
        )
    lines += ["", "Flexibility is declared:", ""]
    for engine, declared in settings.flexibility.items():
        lines.append(f"- {engine} {declared.score}: {declared.reason}.")
    return "\n".join([*lines, ""])


def _section_of_cells(runs: pl.DataFrame) -> str:
    lines = [
        "## The customer's six cells",
        "",
        "5,000 rows of one OpenAI file: `aris benchmark seed-ab FILE`.",
        "",
        *_table_head("model", "engine", "status", "req/s", "total s", "valid", "where, or why not"),
    ]
    lines += [
        _row(
            cell.model,
            cell.engine,
            _status(cell.status),
            _of(cell.req_s),
            _of(cell.total_s),
            "" if cell.valid_rate is None else f"{cell.valid_rate:.1%}",
            _one_line(cell.reason) if cell.reason else f"{cell.rows:,} rows, {cell.where}",
        )
        for cell in cells(runs)
    ]
    return "\n".join([*lines, ""])


def _section_of_reported() -> str:
    shipped = resources.files("aris_pipeline.benchmarks").joinpath("reported.yaml")
    rows: list[dict[str, Any]] = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    lines = [
        "## Reported by the customer",
        "",
        "Figures of earlier stacks on an RTX 4080 (16 GB), as they were told; tokens per second "
        "count prompt and output together.",
        "",
        *_table_head("what", "load s", "s", "req/s", "total tok/s", "success", "remark"),
    ]
    for row in rows:
        figures = [_of(row.get(name)) for name in ("load_s", "processing_s", "req_s")]
        lines.append(
            _row(
                row["what"], *figures, _of(row.get("total_tok_s")), row.get("success", ""),
                row.get("remark", ""),
            )
        )  # fmt: skip
    return "\n".join([*lines, ""])


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


def _mean(arm: pl.DataFrame, name: str) -> str:
    values = arm[name].drop_nulls()
    return _of(float(values.to_numpy().mean())) if values.len() else ""


def _percent(arm: pl.DataFrame, name: str) -> str:
    values = arm[name].drop_nulls()
    return f"{float(values.to_numpy().mean()):.1%}" if values.len() else ""


def _with_interval(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return _of(interval.value)
    return f"{_of(interval.value)} ({_of(interval.low)} to {_of(interval.high)})"


def _of(value: float | None) -> str:
    return "" if value is None else digits(value)


def _status(status: str) -> str:
    return status.replace("_", " ")


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")[:300]


def _spaced(names: Sequence[str]) -> list[str]:
    return [name.replace("_", " ") for name in names]


def _table_head(*names: str) -> list[str]:
    return [_row(*names), f"|{'---|' * len(names)}"]


def _row(*values: str) -> str:
    return f"| {' | '.join(values)} |"
