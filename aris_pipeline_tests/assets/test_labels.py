"""Labels through the command line and the real definitions: sampled, imported, measured, shown."""

import csv
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from aris_pipeline.defs.batch_run import BatchRunner
from aris_pipeline.storage import DataStore
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.reading_pages import read_page

pytestmark = pytest.mark.slow

WriteFile = Callable[..., Path]


def fill(sheet: Path, label: str) -> None:
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {"recommendation": label} for row in rows)


def test_what_people_say_reaches_the_asset_and_the_page(
    runner: BatchRunner,
    store: DataStore,
    instance: dg.DagsterInstance,
    write_file: WriteFile,
    tmp_path: Path,
) -> None:
    outcome = runner.run(write_file(30), {}, "batch_report")
    page = store.batch_report(outcome.judge, outcome.batch.name)
    assert "people" not in read_page(page).sections
    sheet = tmp_path / "sheet.csv"
    batch, data = outcome.batch.name, store.root

    drawn = aris("label", "sample", batch, "--top", 10, "--random", 20, "--out", sheet,
                 "--data-dir", data, "--json").figures  # fmt: skip
    fill(sheet, "Yes")
    kept = aris("label", "import", sheet, "--by", "Ada", "--data-dir", data, "--json").figures

    assert (drawn["rows"], kept["kept"]) == (30, 30)
    rank = runner.definitions.resolve_job_def("rank")
    config = {"resources": {"store": {"config": {"data_dir": str(data)}}}}
    assert rank.execute_in_process(
        instance=instance,
        run_config=config,
        asset_selection=[dg.AssetKey("label_metrics"), dg.AssetKey("batch_report")],
    ).success
    event = instance.get_latest_materialization_event(dg.AssetKey("label_metrics"))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["labeled"].value == 30
    assert "Precision of the first 10" in read_page(page).sections["people"]


def test_the_commands_say_what_is_missing(tmp_path: Path, write_file: WriteFile) -> None:
    data = tmp_path / "data"
    aris("run", write_file(5), "--data-dir", data)
    batch = next((data / "batches").iterdir()).stem

    without = aris("label", "metrics", batch, "--data-dir", data)

    assert without.code == 2
    assert f"batch {batch} has no labels: `aris label sample {batch} --out FILE`" in without.stderr

    sheet = tmp_path / "sheet.csv"
    aris("label", "sample", batch, "--raters", 2, "--out", sheet, "--data-dir", data)
    again = aris("label", "sample", batch, "--raters", 2, "--out", sheet, "--data-dir", data)
    assert again.code == 2
    assert "exists already, perhaps filled in" in again.stderr
    fill(tmp_path / "sheet-1.csv", "Perhaps")
    refused = aris("label", "import", tmp_path / "sheet-1.csv", "--by", "Ada", "--data-dir", data)

    assert refused.code == 1
    assert "sheet-1.csv, row 2, recommendation: 'Perhaps' is no option" in refused.stderr
