"""Two runs launched at once on a fresh instance: the engine is one run's at a time."""

import time
from collections.abc import Iterator
from typing import Any

import polars as pl

from aris_pipeline.candidates import write_synthetic
from aris_pipeline_tests.soak.processes import Place, Workshop
from aris_pipeline_tests.soak.results import Try
from aris_pipeline_tests.soak.terminations import launch, status, webserver

_PATIENCE_S = 300.0
_ENDED = ("SUCCESS", "FAILURE", "CANCELED")


def run_together(
    workshop: Workshop, rows: int, count: int, seed: int, skip: int = 0
) -> Iterator[Try]:
    """Launches the job `judge` on two batches at once, `count` times, each on a new instance."""
    for number in range(skip, count):
        place = workshop.place(f"together-{number}", rows, rows, seed=seed)
        with place.run("--until", "prompts") as process:
            process.finish()
        other = place.folder / "others.json"
        write_synthetic(rows, seed + 1, "aris", other)
        with place.start("run", str(other), "--until", "prompts") as process:
            process.finish()
        with webserver(place, seconds_per_row=0.05) as ask:
            runs = [launch(ask, place.data, f"*_{name}") for name in ("candidates", "others")]
            reasons = _wait_for_all(ask, runs)
            ends = [status(ask, run)[0] for run in runs]
        broken = [] if ends == ["SUCCESS", "SUCCESS"] else [f"the runs ended as {ends}"]
        if _overlap(place):
            broken.append("both runs used the engine at once")
        if not reasons:
            broken.append("the run that waited did not say why")
        one = Try("two runs at once", number + 1, broken=broken, note="; ".join(reasons))
        yield place.cleared(one)


def _overlap(place: Place) -> bool:
    """Whether a run was answered a row before the other one had its last."""
    found = place.data / "completions/**/*.parquet"
    answers: Any = pl.read_parquet(found, hive_partitioning=False).sort("completed_at")
    (_, last), (first, _) = (
        (rows["completed_at"].min(), rows["completed_at"].max())
        for _run, rows in answers.group_by("run_id", maintain_order=True)
    )
    return bool(last >= first)


def _wait_for_all(ask: Any, runs: list[str]) -> list[str]:
    """Waits for the end of all runs; returns why those that waited said that they did."""
    deadline, reasons = time.monotonic() + _PATIENCE_S, set()
    while any(status(ask, run)[0] not in _ENDED for run in runs):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    for run in runs:
        query = f'{{ logsForRun(runId: "{run}") {{ ... on EventConnection {{ events {{'
        events = ask(query + " ... on MessageEvent { message } } } } }")["logsForRun"]["events"]
        reasons |= {event["message"] for event in events if "blocked" in event.get("message", "")}
    return sorted(reasons)
