"""Checks whether the file of evaluations has the columns that its rubric declares."""

import dataframely as dy

from aris_pipeline.completions import AnswerParser
from aris_pipeline.evaluations import evaluation_schema
from aris_pipeline.evaluations.schemas import property_schema
from aris_pipeline.prompts import OPENAI, read_origin
from aris_pipeline.quality.finding import Finding
from aris_pipeline.quality.thresholds import Thresholds
from aris_pipeline.storage import DataStore, Judge, Shard, read_parquet
from aris_pipeline.storage.schemas import polars_schema


def schema(store: DataStore, judge: Judge, shard: Shard, _thresholds: Thresholds) -> Finding:
    """Returns whether the evaluations have exactly the columns and types of their rubric.

    The value counts the columns that are missing, unexpected or of another type.
    """
    found = read_parquet(
        store.evaluations(judge, shard), hint="materialize evaluations of this shard"
    ).schema
    declared = polars_schema(_declared(store, judge, shard))
    faults = {
        "missing": sorted(declared.keys() - found.keys()),
        "unexpected": sorted(found.keys() - declared.keys()),
        "mistyped": sorted(
            name for name in declared.keys() & found.keys() if declared[name] != found[name]
        ),
    }
    counts = {f"columns_{fault}": len(names) for fault, names in faults.items()}
    wrong = sum(counts.values())
    return Finding(
        check="schema",
        passed=wrong == 0,
        severity="error",
        value=wrong,
        threshold=0,
        detail=_in_words(faults, judge) if wrong else f"{len(found)} columns as declared",
        figures={"columns": len(found), **counts},
    )


def _declared(store: DataStore, judge: Judge, shard: Shard) -> type[dy.Schema]:
    prompts = store.prompts(judge, shard)
    rubric = read_origin(prompts).rubric
    if rubric is None:
        asked = read_parquet(
            prompts, hint="materialize prompts of this shard", columns=["response_schema"]
        )["response_schema"].unique()
        if len(asked) == 1 and asked[0] is not None:
            return property_schema(AnswerParser(asked[0]).schema)
    return evaluation_schema(rubric)


def _in_words(faults: dict[str, list[str]], judge: Judge) -> str:
    """Returns the names of the columns, unless a user's file has chosen these names."""
    if judge.rubric == OPENAI:
        found = [f"{len(names)} {fault}" for fault, names in faults.items() if names]
    else:
        found = [f"{fault}: {', '.join(names)}" for fault, names in faults.items() if names]
    return f"columns {'; '.join(found)}"
