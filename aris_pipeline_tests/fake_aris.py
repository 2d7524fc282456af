"""The command `aris` with an engine of our own: what system tests start, interrupt and kill.

The environment says how it misbehaves: `FAKE_SECONDS_PER_ROW` slows it down enough to be hit
half-way, `soak/faulty_engine.py` and `soak/self_kill.py` describe the rest.
`FAKE_ENGINE=vllm` keeps the real engine, `FAKE_LOAD_S` makes the other one slow to load,
`FAKE_ROWS_AT_RISK` writes part files sooner, and `FAKE_PRINTED_EVERY_S` says progress more often.
"""

import functools
import importlib.metadata
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aris_pipeline import charts
from aris_pipeline.cli import commands as cli
from aris_pipeline.completions import live_line, parts
from aris_pipeline.defs import resources
from aris_pipeline.engines import Engine, EngineSession, EngineSettings, opening
from aris_pipeline.judging import assignments as judging
from aris_pipeline.models import ModelCard
from aris_pipeline.reports import batch_report
from aris_pipeline_tests.soak import self_kill
from aris_pipeline_tests.soak.faulty_engine import EngineFaults, FaultyEngine, LoggedEngine

Replace = Callable[[Any, str, Any], None]
"""`setattr`, or that of `pytest.MonkeyPatch`."""

_REAL = os.environ.get("FAKE_ENGINE") == "vllm"


def open_engine(card: ModelCard, settings: EngineSettings) -> Engine:
    """Opens the engine that the environment asks for."""
    if _REAL:
        stall = {"stall_timeout_s": float(os.environ.get("FAKE_STALL_TIMEOUT_S", "300"))}
        engine: Engine = opening.open_engine(card, settings.model_copy(update=stall))
    else:
        time.sleep(float(os.environ.get("FAKE_LOAD_S", "0")))
        engine = FaultyEngine(EngineFaults.from_environment())
    log = os.environ.get("FAKE_LOG")
    return LoggedEngine(engine, Path(log)) if log else engine


def load_tokenizer(card: ModelCard) -> Any:
    """Loads the same tokenizer without torch, whose import is half of a short run's time."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast.from_pretrained(card.checkpoint())


def draw_nothing(replace: Replace) -> None:
    """Leaves the pictures of a run out."""
    for picture in ("token_histogram", "progress_curve", "verdict_mix", "projection_curve"):
        replace(charts, picture, lambda *_: None)
    for picture in ("verdict_mix", "score_distribution"):
        replace(batch_report, picture, lambda *_, **__: None)


def install(replace: Replace) -> None:
    """Puts the engine that the environment describes in the place of the real one."""
    replace(resources, "open_engine", open_engine)
    draw_nothing(replace)
    if not _REAL:
        replace(judging, "load_tokenizer", load_tokenizer)
        replace(resources, "EngineSession", functools.partial(EngineSession, backoff_s=0.01))
        # Transformers lists all packages that are installed, which takes a second.
        replace(importlib.metadata, "packages_distributions", dict)


if __name__ == "__main__":
    install(setattr)
    if rows := os.environ.get("FAKE_ROWS_AT_RISK"):
        parts.MAX_ROWS_AT_RISK = int(rows)
    if seconds := os.environ.get("FAKE_PRINTED_EVERY_S"):
        live_line._PRINTED_EVERY_S = float(seconds)
    self_kill.arm()
    cli.app()
