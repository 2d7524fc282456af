"""Ways to ask an engine that is loaded already."""

import json
from typing import Any

import polars as pl
import pytest

from aris_pipeline.completions.generation import generate_rows
from aris_pipeline.defs import resources
from aris_pipeline.engines import Completion, EngineSession, Request, VllmOffline
from aris_pipeline.scoring.requests import Scoring
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.soak.processes import Finished

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"verdict": {"enum": ["Strong Yes", "No"]}, "sure": {"type": "boolean"}},
        "required": ["verdict", "sure"],
        "additionalProperties": False,
    }
)


def ask(engine: VllmOffline, *requests: Request) -> dict[str, Completion]:
    return {completion.request_id: completion for completion in engine.generate(requests)}


def rows_of(
    engine: VllmOffline, prompts: pl.DataFrame, scoring: Scoring, *, answers: bool = True
) -> list[dict[str, Any]]:
    return list(
        generate_rows(
            *(EngineSession(lambda: engine), prompts.iter_rows(named=True)),
            scoring=scoring,
            shorten=never,
            run_id="run",
            answers=answers,
        )
    )


def never(_prompt: Any, _limit: int) -> None:
    return None


def run_with(engine: VllmOffline, monkeypatch: pytest.MonkeyPatch, *words: object) -> Finished:
    """`aris WORDS --json` with the engine that is loaded."""
    monkeypatch.setattr(resources, "open_engine", lambda _card, _settings: engine)
    monkeypatch.setattr(engine, "close", lambda: None)
    return aris(*words, "--json", engine=False)
