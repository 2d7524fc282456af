"""BENCHMARKS.md and its pictures, written from the committed history and from nothing else.

Equal histories give equal texts. A picture's name carries the digest of what it shows, so the text
tells whether a picture is the right one, whatever bytes another build of matplotlib draws.
"""

import html
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from aris_pipeline.benchmarks.cells import cells
from aris_pipeline.benchmarks.decision import Decision, decide
from aris_pipeline.benchmarks.history import History
from aris_pipeline.benchmarks.markdown_tables import (
    figure,
    in_words,
    one_line,
    table_head,
    table_row,
    with_interval,
)
from aris_pipeline.benchmarks.run_section import IMAGES, section_of_run
from aris_pipeline.benchmarks.weights import MEASURES, DecisionSettings
from aris_pipeline.charts import Bar, side_by_side
from aris_pipeline.storage import write_bytes

_COMMAND = "aris benchmark report"

_INTRODUCTION = f"""\
# Benchmarks

Written by `{_COMMAND}` from the runs in `docs/benchmarks`; do not edit.
Figures are of the machine that is named with them and of nothing else.
[What a step costs](docs/scale.md#what-a-step-costs) has the milliseconds of vLLM's parts on a GPU.
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
- Up to 30 November 2026 Ray's arms did not report hits of the prefix cache: their 0.0 % stands for unknown.

[The decision record](docs/decisions/0016-blocks-in-turn-and-ratios.md) says why.
"""  # noqa: E501 - a line a sentence, as in all documents


_RUNS = """\
## All runs, newest first
"""


@dataclass(frozen=True)
class Report:
    """The document, and the pictures that it shows by their path from the repository's root."""

    text: str
    pictures: dict[Path, list[Bar]]


def build_report(history: History, settings: DecisionSettings) -> Report:
    """Returns what the report of a history is, without writing or drawing anything."""
    runs, answers = history.runs(), history.answers()
    pictures: dict[Path, list[Bar]] = {}
    decisions = [_section_of_decision(decision, settings) for decision in decide(history, settings)]
    parts = [_INTRODUCTION, *decisions[:1], _section_of_cells(runs), _section_of_reported()]
    parts += [_folded_section(text) for text in decisions[1:]]
    parts += [_folded_section(_METHOD), _RUNS]
    for run_id in sorted(runs["run_id"].unique(), reverse=True):
        of_run = runs.filter(run_id=run_id)
        if of_run.filter(status="measured").height:
            section, drawn = section_of_run(of_run, answers.filter(run_id=run_id))
            parts.append(_folded_section(section, f": {_gist(of_run)}"))
            pictures |= drawn
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


def _folded(summary: str, text: str) -> str:
    """Returns a part of the document that a reader opens with a click."""
    head = html.escape(summary, quote=False)
    return f"<details>\n<summary>{head}</summary>\n\n{text.rstrip()}\n\n</details>\n"


def _folded_section(section: str, gist: str = "") -> str:
    """Returns a section that a reader opens with a click on its heading and gist."""
    heading, _, text = section.partition("\n")
    return _folded(heading.removeprefix("## ") + gist, text.strip())


def _gist(of_run: pl.DataFrame) -> str:
    """Returns what tells a run from the others: machine, workload and its fastest arm."""
    measured = of_run.filter(status="measured")
    first = measured.row(0, named=True)
    rates = measured.group_by("arm", maintain_order=True).agg(pl.col("req_s").mean())
    fastest = rates.sort("req_s", descending=True, nulls_last=True, maintain_order=True)
    arm, req_s = fastest.row(0)
    machine = first["gpu"] or first["host"]
    return f"{machine}, {first['workload']}; fastest {arm}, {figure(req_s)} req/s"


def _section_of_decision(decision: Decision, settings: DecisionSettings) -> str:
    one_run = "in one run" if decision.one_run else "in different runs, which compare badly"
    shares = ", ".join(
        f"{in_words(measure)} {share:.0%}" for measure, share in settings.shares.items()
    )
    lines = [
        f"## Decision for {decision.gpu or decision.host}",
        "",
        f"{decision.verdict} Asked: {decision.workload}; measured {one_run}. Weights: {shares}.",
        "",
        *table_head("rank", "engine", "model", "score (95 %)", *map(in_words, MEASURES)),
    ]
    for rank, one in enumerate(decision.candidates, start=1):
        scores = [f"{one.scores[measure]:.2f}" for measure in MEASURES]
        lines.append(table_row(str(rank), one.engine, one.model, with_interval(one.score), *scores))
    lines += ["", _folded("How firm this is", _margins(decision, settings))]
    return "\n".join(lines)


def _margins(decision: Decision, settings: DecisionSettings) -> str:
    """Returns at which weights another engine would win, and what was declared."""
    lines = [*table_head("weight", "set", "another wins below", "another wins above")]
    for measure, margin in decision.margins.items():
        lines.append(
            table_row(
                in_words(measure),
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
        *table_head("model", "engine", "status", "req/s", "total s", "valid", "where, or why not"),
    ]
    lines += [
        table_row(
            cell.model,
            cell.engine,
            in_words(cell.status),
            figure(cell.req_s),
            figure(cell.total_s),
            "" if cell.valid_rate is None else f"{cell.valid_rate:.1%}",
            one_line(cell.reason) if cell.reason else f"{cell.rows:,} rows, {cell.where}",
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
        "Figures of earlier stacks on an RTX 4080 (16 GB), as reported; tokens per second "
        "count prompt and output together.",
        "",
        *table_head("what", "load s", "s", "req/s", "total tok/s", "success", "remark"),
    ]
    for row in rows:
        figures = [figure(row.get(name)) for name in ("load_s", "processing_s", "req_s")]
        lines.append(
            table_row(
                row["what"], *figures, figure(row.get("total_tok_s")), row.get("success", ""),
                row.get("remark", ""),
            )
        )  # fmt: skip
    return "\n".join([*lines, ""])
