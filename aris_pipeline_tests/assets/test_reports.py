"""The page about a batch through the real definitions: written, rewritten, and shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from aris_pipeline.defs.batch_run import BatchRunner, RunOutcome
from aris_pipeline.evaluations import evaluation_files
from aris_pipeline.ledger import reconcile, summarize
from aris_pipeline.reports import page_is_stale
from aris_pipeline.storage import DataStore
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.reading_pages import read_page

pytestmark = pytest.mark.slow

WriteFile = Callable[..., Path]
LAST = "batch_report"
COUNTS = ("rows_in", "evaluated", "failed", "triaged", "quarantined")


def page_of(store: DataStore, outcome: RunOutcome) -> Path:
    return store.batch_report(outcome.judge, outcome.batch.name)


def shown(instance: dg.DagsterInstance) -> dict[str, Any]:
    """The metadata of the latest page, as the UI shows them."""
    event = instance.get_latest_materialization_event(dg.AssetKey("batch_report"))
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_a_run_ends_with_the_page_and_the_asset_links_it(
    runner: BatchRunner, store: DataStore, instance: dg.DagsterInstance, write_file: WriteFile
) -> None:
    outcome = runner.run(write_file(12), {"shard_size": 5}, LAST)

    assert outcome.failures == []
    page = read_page(page_of(store, outcome))
    counts = reconcile(store, outcome.batch, outcome.judge).counts()
    assert {name: page.figures[name] for name in COUNTS} == {name: counts[name] for name in COUNTS}
    metadata = shown(instance)
    assert metadata["page"] == str(page_of(store, outcome))
    assert metadata["page_url"] == page_of(store, outcome).as_uri()
    assert (metadata["pages_written"], metadata["rows"]) == (1, 12)


def test_a_page_is_written_again_only_if_verdicts_are_newer(
    runner: BatchRunner, store: DataStore, instance: dg.DagsterInstance, write_file: WriteFile
) -> None:
    file = write_file(6)
    outcome = runner.run(file, {}, LAST)
    written = page_of(store, outcome).read_bytes()
    rank = runner.definitions.resolve_job_def("rank")

    def materialize() -> int:
        data = {"resources": {"store": {"config": {"data_dir": str(store.root)}}}}
        rank.execute_in_process(
            instance=instance, run_config=data, asset_selection=[dg.AssetKey("batch_report")]
        )
        return int(shown(instance)["pages_written"])

    assert materialize() == 0
    assert page_of(store, outcome).read_bytes() == written
    for verdicts in evaluation_files(store, outcome.judge, outcome.batch):
        verdicts.touch()
    assert page_is_stale(store, outcome.judge, outcome.batch)
    assert materialize() == 1
    assert not page_is_stale(store, outcome.judge, outcome.batch)


@pytest.mark.parametrize("settings", [{"rubric": "aris-swe-v2"}, {"triage": 0.2}])
def test_every_way_to_judge_gives_a_page(
    runner: BatchRunner, store: DataStore, write_file: WriteFile, settings: dict[str, Any]
) -> None:
    runner.judging.update(settings)

    outcome = runner.run(write_file(40), {"shard_size": 15}, LAST)

    assert outcome.failures == []
    page = read_page(page_of(store, outcome))
    figures = summarize(store, outcome.batch, outcome.judge).as_dict(0)
    assert {name: page.figures[name] for name in COUNTS} == {name: figures[name] for name in COUNTS}
    assert len(page.data["rows"]) == 40
    assert page.column("Recommendation").count("only scored") == figures["triaged"]
    assert ("Agreement of triage" in page.sections["trust"]) == ("triage" in settings)
    assert ("Grounded reasons" in page.sections["trust"]) == ("rubric" in settings)


def test_a_file_with_its_own_questions_gives_a_page(
    runner: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    outcome = runner.run(write_file(5, "openai"), {}, LAST)

    assert outcome.failures == []
    page = read_page(page_of(store, outcome))
    assert "verdicts" not in page.sections
    assert page.column("Outcome") == ["answered"] * 5


def test_every_number_of_the_page_is_that_of_the_commands(
    tmp_path: Path, write_file: WriteFile
) -> None:
    data, file = tmp_path / "data", write_file(9, "jsonl")
    file.write_text(file.read_text() + '{"custom_id": "nothing"}\nnot json\n')

    ran = aris("run", file, "--data-dir", data, "--json").figures
    verified = aris("verify", "--data-dir", data, "--json").figures

    page = read_page(Path(ran["report"]))
    for name in (*COUNTS, "valid_rate", "success_rate"):
        assert page.figures[name] == ran[name], name
    (batch,) = verified["batches"]
    for name in (*COUNTS, "missing"):
        assert page.figures[name] == batch[name] == verified[name], name
    assert page.figures["quarantined"] == 2


def test_the_command_writes_a_page_of_other_rows_elsewhere(
    tmp_path: Path, write_file: WriteFile
) -> None:
    data = tmp_path / "data"
    run = aris("run", write_file(9), "--data-dir", data)
    batch = next((data / "batches").iterdir()).stem
    page = next(data.glob("reports/*/*/*/report.html"))
    assert run.stdout.rstrip().endswith(page.as_uri())

    out = tmp_path / "elsewhere" / "page.html"
    made = aris("report", batch, "--rows", 4, "--out", out, "--data-dir", data, "--json").figures

    assert (made["path"], made["rows"], made["listed"]) == (str(out), 9, 4)
    assert len(read_page(out).data["rows"]) == 4
    unknown = aris("report", "nowhere", "--data-dir", data)
    assert unknown.code == 2
    assert "nowhere" in unknown.stderr
