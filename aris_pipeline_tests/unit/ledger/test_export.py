import csv
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aris_pipeline.errors import MissingDataError, StorageError
from aris_pipeline.ledger import ExportFormat, export_batch
from aris_pipeline.storage import Batch, DataStore, write_frame
from aris_pipeline_tests.tables import DAY, WITH_EVIDENCE, write_verdicts
from aris_pipeline_tests.unit.ledger.conftest import BATCH, FIRST, JUDGE, SECOND, Write

STEM = f"{BATCH.name}.aris-swe-v1.small"
INVALID = {"is_valid": False, "invalid_reason": "truncated", "invalid_detail": "cut at max_tokens"}


@pytest.fixture
def judged(batch: Batch, judge: Write, answer: Write) -> Batch:
    """a1 and b1 answered well; a2 was cut off, a3 refused."""
    refusal = {"text": None, "error_type": "refused", "error_message": "2049 > 2048"}
    answer(
        FIRST,
        {"custom_id": "a1", "text": "Yes, \N{WOMAN}"},
        {"custom_id": "a2", "text": "Ye", "finish_reason": "length"},
        {"custom_id": "a3", "request_key": "k0", **refusal},
    )
    answer(SECOND, {"custom_id": "b1"})
    judge(
        FIRST,
        "a1",
        {"custom_id": "a2", **INVALID},
        {"custom_id": "a3", "is_valid": False, "invalid_reason": "refused"},
    )
    judge(SECOND, "b1")
    return batch


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_openai_output_and_errors_have_the_form_of_the_batch_api(
    judged: Batch, store: DataStore, tmp_path: Path
) -> None:
    files = export_batch(store, judged, JUDGE, ExportFormat.OPENAI, tmp_path / "out")

    assert [file.name for file in files] == [f"{STEM}.output.jsonl", f"{STEM}.errors.jsonl"]
    good, bad = (_lines(file) for file in files)
    assert [line["custom_id"] for line in good] == ["a1", "b1"]
    assert [line["custom_id"] for line in bad] == ["a2", "a3"]
    first = good[0]
    body = first["response"]["body"]
    assert set(first) == {"id", "custom_id", "response", "error"}
    assert first["error"] is None
    assert first["response"]["status_code"] == 200
    assert (body["object"], body["model"]) == ("chat.completion", "acme/small")
    assert body["created"] == int(DAY.timestamp())
    (choice,) = body["choices"]
    assert choice["message"] == {"role": "assistant", "content": "Yes, \N{WOMAN}"}
    assert choice["finish_reason"] == "stop"
    assert body["usage"] == {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    cut, refused = bad
    assert cut["error"] == {"code": "truncated", "message": "cut at max_tokens"}
    assert cut["response"]["body"]["choices"][0]["message"]["content"] == "Ye"
    assert refused["error"] == {"code": "refused", "message": "2049 > 2048"}
    assert refused["response"] is None


def test_ids_of_lines_are_unique_also_where_requests_are_equal(
    judged: Batch, store: DataStore, tmp_path: Path
) -> None:
    files = export_batch(store, judged, JUDGE, ExportFormat.OPENAI, tmp_path)

    ids = [line["id"] for file in files for line in _lines(file)]
    assert len(ids) == len(set(ids)) == 4
    assert all(one.startswith("batch_req_") for one in ids)


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\N{FULLWIDTH EQUALS SIGN}"]
)
def test_no_cell_of_a_csv_can_be_taken_for_a_formula(
    batch: Batch, judge: Write, store: DataStore, tmp_path: Path, start: str
) -> None:
    formula = f"{start}HYPERLINK(1)"
    row = {"custom_id": formula, "answer_json": formula, "invalid_detail": f"plain {formula}"}
    judge(FIRST, {**row, "score": -1.5})

    (file,) = export_batch(store, batch, JUDGE, ExportFormat.CSV, tmp_path)

    with file.open(newline="", encoding="utf-8") as opened:
        (cells,) = csv.DictReader(opened)
    assert cells["custom_id"] == cells["answer_json"] == f"'{formula}"
    assert cells["invalid_detail"] == f"plain {formula}"
    assert cells["score"] == "-1.5"
    assert cells["confidence"] == ""


def test_a_csv_has_every_row_failed_ones_too(
    judged: Batch, store: DataStore, tmp_path: Path
) -> None:
    (file,) = export_batch(store, judged, JUDGE, ExportFormat.CSV, tmp_path)

    assert file.name == f"{STEM}.csv"
    frame = pl.read_csv(file)
    assert frame["custom_id"].to_list() == ["a1", "a2", "a3", "b1"]
    assert frame["is_valid"].to_list() == [True, False, False, True]


def test_a_csv_has_lists_as_text(batch: Batch, store: DataStore, tmp_path: Path) -> None:
    found = {"ungrounded": ["Acme", "2019"], "contradictions": []}
    write_verdicts(store, JUDGE, batch, WITH_EVIDENCE, found)

    (file,) = export_batch(store, batch, JUDGE, ExportFormat.CSV, tmp_path)

    (row,) = pl.read_csv(file).iter_rows(named=True)
    assert (row["ungrounded"], row["contradictions"]) == ("Acme, 2019", "")


def test_a_parquet_export_is_ordered_by_rank_and_ends_with_unranked_rows(
    judged: Batch, store: DataStore, tmp_path: Path
) -> None:
    ranks = pl.DataFrame(
        {"custom_id": ["b1", "a1"], "rank": [1, 2], "disagrees": [False, True], "more": [0, 0]}
    )
    write_frame(ranks, store.candidate_ranking(JUDGE, judged.name))

    (file,) = export_batch(store, judged, JUDGE, ExportFormat.PARQUET, tmp_path / "new")

    frame = pl.read_parquet(file)
    assert frame.columns[:2] == ["rank", "custom_id"]
    assert frame.select("rank", "custom_id", "disagrees").rows() == [
        (1, "b1", False),
        (2, "a1", True),
        (None, "a2", None),
        (None, "a3", None),
    ]
    assert "more" not in frame.columns


@pytest.mark.parametrize("form", ExportFormat)
def test_a_batch_that_was_not_judged_says_so(
    batch: Batch, store: DataStore, tmp_path: Path, form: ExportFormat
) -> None:
    with pytest.raises(MissingDataError, match="no verdicts of rubric aris-swe-v1 and model small"):
        export_batch(store, batch, JUDGE, form, tmp_path / "out")

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ExportFormat)
def test_a_place_that_cannot_be_written_is_named(
    judged: Batch, store: DataStore, tmp_path: Path, form: ExportFormat
) -> None:
    (tmp_path / "taken").write_text("a file, not a directory")
    out = tmp_path / "taken" / "exports"

    with pytest.raises(StorageError, match=f"{out}.* cannot be written"):
        export_batch(store, judged, JUDGE, form, out)


def test_exporting_again_replaces_the_files(
    judged: Batch, judge: Write, store: DataStore, tmp_path: Path
) -> None:
    export_batch(store, judged, JUDGE, ExportFormat.PARQUET, tmp_path)
    judge(SECOND, "b1", "b2")

    (file,) = export_batch(store, judged, JUDGE, ExportFormat.PARQUET, tmp_path)

    assert pl.read_parquet(file).height == 5
    assert [path for path in tmp_path.iterdir() if path.is_file()] == [file]
