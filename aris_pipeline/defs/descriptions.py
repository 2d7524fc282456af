"""What the UI says about an asset: what it means, whose it is, its columns, where it lies."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import dataframely as dy
import polars as pl

from aris_pipeline.defs.lineage import Sources, lineage
from aris_pipeline.ledger.data_dictionary import Column, limits, location, tables, type_name
from aris_pipeline.prompts import DEFAULT_RUBRIC
from aris_pipeline.storage import for_polars

OWNERS = ["team:recruiting-data"]
_GRAIN_TAG = "aris/grain"
_PERSONAL_DATA_TAG = "aris/personal_data"

_LANDED = "landed"


@dataclass(frozen=True)
class _About:
    """An asset for people.

    Attributes:
        group: where it stands in the asset graph.
        kinds: what it is made with.
        grain: what one materialization covers; a cell is an engine with a model.
        personal_data: of candidates: `full`, `by_id` (statements about them, without their name) or
            `none`.
        meaning: two to four sentences of Markdown for whoever operates it.
        code_version: raised by hand when the same input comes to mean another output; the UI then
            shows what is older as outdated.
    """

    group: str
    kinds: frozenset[str]
    grain: Literal["shard", "batch", "cell", "model", "all"]
    personal_data: Literal["full", "by_id", "none"]
    meaning: str
    code_version: str


_POLARS = frozenset({"polars", "parquet"})
_HTML = frozenset({"jinja", "html"})
_PYTHON = frozenset({"python", "polars", "parquet"})

_ABOUT = {
    "landing_files": _About(
        "candidates", frozenset({"json", "csv", "parquet"}), "batch", "full",
        "Files of candidates as they were delivered: exports of Aris, JSON lines, CSV, parquet or "
        "OpenAI batch files. The `land` job reads a file once, cuts it into shards and registers "
        "them as partitions; the columns here are those of the records in `landed/`. A record that "
        "cannot even be read goes to `quarantine/` with its file, line and reason.",
        code_version="1",
    ),
    "raw_candidates": _About(
        "candidates", _PYTHON, "shard", "full",
        "The candidates of a shard, validated and typed, with broken encodings repaired. A record "
        "that is not usable goes to `quarantine/` with its line, the field and the rule that it "
        "broke: the two files together hold every landed record exactly once. A falling row count "
        "means a worse delivery, not a worse model. **Holds names and resumes.**",
        code_version="3",
    ),
    "prompts": _About(
        "judging", _PYTHON, "shard", "by_id",
        "Exactly what the model is asked about each candidate: chat messages, token ids, sampling "
        "and the schema of the answer. Names and contact data stay out unless redaction is turned "
        "off, and a profile too long for the context is cut and marked `shortened`. `request_key` "
        "is the digest of all that determines the answer: what has been answered under a key is "
        "not generated again.",
        code_version="2",
    ),
    "completions": _About(
        "judging", frozenset({"vllm", "python", "parquet"}), "shard", "by_id",
        "The model's answers, with the log-probability of each verdict, as the engine gave them. "
        "This is the step that needs the engine: it is loaded once for all shards of a run, which "
        "holds it alone. Rows are kept as they finish, so a run that was stopped "
        "goes on from there, and materializing a shard again asks only for what has no answer "
        "yet. A row that failed says why in `error_type`.",
        code_version="2",
    ),
    "evaluations": _About(
        "verdicts", _PYTHON, "shard", "by_id",
        "The verdict on each candidate of a shard: ratings with reasons, recommendation, score and "
        "provenance, or `is_valid` false with a typed reason. The rubric's criteria are columns; "
        "what another rubric or model said stands beside it and is never overwritten. It follows "
        "completions by itself and needs no engine.",
        code_version="3",
    ),
    "candidate_ranking": _About(
        "verdicts", _POLARS, "batch", "by_id",
        "What a recruiter opens first: the valid verdicts of a batch, best first, by "
        "recommendation and then score. One file a batch, rubric and model, written anew when a "
        "shard of the batch has been evaluated. `review_reasons` says why a person should look at "
        "a verdict, for instance because the likeliest one is not the one that the model wrote.",
        code_version="2",
    ),
    "throughput": _About(
        "operations", _POLARS, "shard", "none",
        "What the latest run of a shard cost: seconds, rates, latencies, memory and energy. "
        "Compare `req_s` over the shards of one machine: a fall, or a rise of `preemptions`, is "
        "the first sign of trouble. Rates count only rows that the run generated, so a run that "
        "reused everything has none.",
        code_version="1",
    ),
    "throughput_report": _About(
        "operations", _POLARS, "batch", "none",
        "What an operator opens in the morning: what each batch cost in all, how fast it went, and "
        "how long 200,000 rows would take at that rate. One row a batch, rubric and model, written "
        "anew when a shard of the batch has been measured. `rows_failed`, `engine_restarts` and "
        "`slowest_shard` say where to look next.",
        code_version="1",
    ),
    "label_metrics": _About(
        "verdicts", _POLARS, "batch", "none",
        "How far the judge of a batch agrees with people, for batches that people have labeled: "
        "precision and recall of the ranking, AUC, kappa by criterion, Brier score and calibration "
        "error, with 95 % intervals, weighted so that they speak for the whole batch. `enough` is "
        "false where too few rows are labeled to tell. It is written anew when there are newer "
        "labels or verdicts.",
        code_version="1",
    ),
    "verdict_log": _About(
        "verdicts", _PYTHON, "batch", "by_id",
        "Which verdict each candidate had, when, and by which version of code, model and rubric: a "
        "row for each new or changed verdict, and nothing is ever overwritten. The rows are "
        "chained by hashes, and `head` is the last one: who keeps it elsewhere can show later that "
        "no row was changed or removed. `aris audit log --verify` checks that.",
        code_version="1",
    ),
    "bias_probe": _About(
        "audit", frozenset({"vllm", "python", "parquet"}), "batch", "none",
        "How far one changed thing in a profile moves its score: a name, a pronoun, a club, a "
        "school, a language, a place, parental leave, the year of graduation, and a placebo. Both "
        "profiles of a pair go to the same engine in one session. `clear` is true if a shift is "
        "more than chance after a correction for the number of signals. A shift that is not clear "
        "is no proof of fairness. Nothing of it is reused as a verdict.",
        code_version="1",
    ),
    "verdict_stability": _About(
        "audit", frozenset({"vllm", "python", "parquet"}), "batch", "none",
        "How often a verdict changes sides when its candidate is asked again: alone, among other "
        "rows, in other words, with the profile's sections in another order, and with the scale "
        "from worst to best. Half of the rows are those nearest to the cut; rates of the batch are "
        "weighted for that. Nothing of it is reused as a verdict.",
        code_version="1",
    ),
    "batch_report": _About(
        "verdicts", _HTML, "batch", "by_id",
        "The page that an analyst opens: one HTML file a batch, rubric and model, which can be "
        "mailed and opened from disk. It says whether all rows are accounted for and how far the "
        "verdicts can be trusted, and has the best candidates with reasons and evidence, the "
        "candidates that a person should look at, and a table of all that sorts and filters. It is "
        "written anew when the batch has been ranked or measured.",
        code_version="1",
    ),
    "benchmark_runs": _About(
        "benchmarks", _PYTHON, "cell", "none",
        "How fast each engine is with each model on the same rows, and what its answers are worth "
        "beside the others'. Materialize several partitions in one run to compare them: their "
        "blocks then take turns, which figures of different runs do not. Nothing of it is reused "
        "as a verdict, and no text of a candidate is kept. It needs the engine to itself.",
        code_version="1",
    ),
    "benchmark_decision": _About(
        "benchmarks", _POLARS, "all", "none",
        "Which engine and model to take on the machine that was measured last: throughput, total "
        "time, quality and flexibility by weights that you can set. It says how far a weight may "
        "move before another wins, and whether the winner stands clear of the others. "
        "`--engine auto` follows it.",
        code_version="1",
    ),
    "engine_tuning": _About(
        "benchmarks", _PYTHON, "model", "none",
        "Which settings make the engine fastest with a model on this hardware: a small declared "
        "grid, tried in turn on a sample of real prompts. Settings that change the verdicts are "
        "not chosen. Later runs of the model here use the chosen ones and say so. It needs the "
        "engine to itself.",
        code_version="1",
    ),
}  # fmt: skip


def described(asset: str) -> dict[str, Any]:
    """Returns the arguments of `dg.asset` or `dg.AssetSpec` that explain an asset.

    Args:
        asset: its name; `landing_files` is described by the table that landing makes of them.
    """
    about = _ABOUT[asset]
    return {
        "description": about.meaning,
        "group_name": about.group,
        "owners": OWNERS,
        "kinds": set(about.kinds),
        "code_version": about.code_version,
        "tags": {
            _GRAIN_TAG: about.grain,
            _PERSONAL_DATA_TAG: about.personal_data,
            "dagster/storage_kind": "parquet" if "parquet" in about.kinds else "html",
        },
        "metadata": _described_table(asset),
    }


def table_facts(path: Path, schema: type[dy.Schema] | None = None) -> dict[str, Any]:
    """Returns the metadata of one written file, read from its footer alone.

    Args:
        path: the file.
        schema: explains the columns; given where they depend on the rubric, so that the UI shows
            those that this file has. A column that it does not declare is a property of an OpenAI
            file's answers.
    """
    frame = pl.scan_parquet(for_polars(path), glob=False, hive_partitioning=False)
    facts: dict[str, Any] = {
        "dagster/partition_row_count": frame.select(pl.len()).collect().item(),
        "dagster/size_bytes": path.stat().st_size,
        "dagster/uri": dg.MetadataValue.path(str(path)),
    }
    if schema is not None:
        facts["dagster/column_schema"] = dg.TableSchema(
            list(_columns_of_file(frame.collect_schema(), schema))
        )
    return facts


def with_code_references(
    assets: Sequence[dg.AssetsDefinition | dg.AssetSpec], *, git_url: str | None = None
) -> Sequence[Any]:
    """Returns the assets with a link to the lines that define them.

    Args:
        assets: the definitions.
        git_url: of the repository on GitHub or GitLab, for links that work from other machines;
            without it they lead to the local file.
    """
    local = dg.with_source_code_references(assets)
    if git_url is None:
        return local
    return dg.link_code_references_to_git(
        local,
        git_url,
        "main",
        dg.AnchorBasedFilePathMapping(Path(__file__), "aris_pipeline/defs/descriptions.py"),
    )


def _described_table(asset: str) -> dict[str, Any]:
    """Where an asset lies, and its columns if it is a table."""
    table = tables().get(_LANDED if asset == "landing_files" else asset)
    if table is None:
        return {"dagster/uri": location(asset)}
    sources = lineage(asset)
    return {
        "dagster/uri": table.location,
        "dagster/column_schema": dg.TableSchema(
            [_described_column(column, sources.get(column.name)) for column in table.columns]
        ),
        **({"dagster/column_lineage": _column_lineage(sources)} if sources else {}),
    }


def _described_column(column: Column, sources: Sources | None) -> dg.TableColumn:
    """A column for the UI, which shows its tags; lineage itself only Dagster+ draws."""
    tags = {"rubric": DEFAULT_RUBRIC} if column.of_rubric else {}
    return dg.TableColumn(
        column.name,
        column.type,
        column.meaning,
        dg.TableColumnConstraints(column.nullable, column.unique, list(column.limits)),
        tags | ({"from": _origin(sources)} if sources else {}),
    )


def _origin(sources: Sources) -> str:
    """The column that another was made of, or, where it was several, their assets."""
    if len(sources) == 1:
        return sources[0]
    return ", ".join(sorted({source.partition(".")[0] for source in sources}))


def _column_lineage(sources: dict[str, Sources]) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        {
            name: [dg.TableColumnDep(*source.split(".")) for source in of]
            for name, of in sources.items()
        }
    )


def _columns_of_file(types: pl.Schema, schema: type[dy.Schema]) -> Iterable[dg.TableColumn]:
    declared = schema.columns()
    for name, dtype in types.items():
        column = declared.get(name)
        meaning = f"Property {name.removeprefix('answer_')} of the answer."
        yield dg.TableColumn(
            name,
            type_name(dtype),
            column.description if column else meaning,
            dg.TableColumnConstraints(
                nullable=column.nullable if column else True,
                unique=column.primary_key or column.unique if column else False,
                other=list(limits(dtype)),
            ),
        )
