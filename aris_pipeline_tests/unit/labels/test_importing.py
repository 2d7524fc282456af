"""What of a filled-in sheet is kept, and what is named."""

from pathlib import Path

import polars as pl
import pytest

from aris_pipeline.errors import InputError
from aris_pipeline.labels import Design, import_labels, newest_labels
from aris_pipeline_tests.unit.labels.conftest import Judging, Labeled

ALL = Design(top=4, borderline=0, random=0)


@pytest.fixture
def batch(judged: Judging) -> Labeled:
    return judged(4)


def filled(batch: Labeled, *labels: str) -> pl.DataFrame:
    return batch.sheet(ALL).sort("custom_id").with_columns(recommendation=pl.Series(labels))


def test_labels_are_kept_with_rater_stratum_weight_and_request(batch: Labeled) -> None:
    found = import_labels(batch.store, batch.file(filled(batch, "Yes", "no", "", "")), "Ada")

    assert (found.kept, found.empty, found.refused) == (2, 18, [])
    kept = newest_labels(batch.store, batch.batch.name).sort("custom_id")
    columns = ["custom_id", "criterion", "label", "rater", "stratum", "weight", "request_key"]
    assert kept.select(columns).rows() == [
        ("c0", "recommendation", "Yes", "Ada", "top", 1.0, "k0"),
        ("c1", "recommendation", "No", "Ada", "top", 1.0, "k1"),
    ]


def test_importing_twice_changes_nothing(batch: Labeled) -> None:
    file = batch.file(filled(batch, "Yes", "No", "Maybe", ""))
    import_labels(batch.store, file, "Ada")
    before = sorted(batch.store.labels(batch.batch.name).iterdir())

    again = import_labels(batch.store, file, "Ada")

    assert (again.kept, again.known) == (0, 3)
    assert sorted(batch.store.labels(batch.batch.name).iterdir()) == before


def test_a_rater_who_thinks_again_adds_a_label_and_the_newest_counts(batch: Labeled) -> None:
    for label in ("Yes", "No", "Yes"):
        found = import_labels(batch.store, batch.file(filled(batch, label, "", "", "")), "Ada")
        assert found.kept == 1

    assert newest_labels(batch.store, batch.batch.name)["label"].to_list() == ["Yes"]
    assert len(list(batch.store.labels(batch.batch.name).iterdir())) == 3


def test_a_bad_cell_is_named_with_file_row_field_and_remedy_and_the_others_are_kept(
    batch: Labeled,
) -> None:
    rows = filled(batch, "Perhaps", "Yes", "No", "Maybe").with_columns(
        row=pl.Series(["1", "2", "99", "4"]),
        custom_id=pl.Series(["c0", "c1", "c2", "someone"]),
    )
    # Rows of a sheet are numbered in a random order of their own.
    numbers = dict(batch.sheet(ALL).select("custom_id", "row").iter_rows())
    fitting = [str(numbers["c0"]), str(numbers["c1"]), "99", str(numbers["c3"])]
    file = batch.file(rows.with_columns(row=pl.Series(fitting)))

    found = import_labels(batch.store, file, "Ada")

    assert found.kept == 1
    unknown, row, moved = map(str, found.refused)
    assert unknown == (
        "sheet.csv, row 2, recommendation: 'Perhaps' is no option: "
        "choose one of Strong Yes, Yes, Maybe, No, Strong No"
    )
    assert row.startswith("sheet.csv, row 4, row: '99' is no row of sample")
    assert row.endswith("restore the number, 1 to 4")
    assert moved.startswith("sheet.csv, row 5, custom_id: 'someone' is not the candidate of row")


@pytest.mark.parametrize("sample", ["nowhere", "../..", "*", ""])
def test_a_sheet_of_no_known_sample_is_refused_row_by_row(batch: Labeled, sample: str) -> None:
    rows = filled(batch, "Yes", "Yes", "Yes", "Yes").with_columns(sample_id=pl.lit(sample))

    found = import_labels(batch.store, batch.file(rows), "Ada")

    assert found.kept == 0
    assert len(found.refused) == 4
    assert "there is no sample" in found.refused[0].problem


@pytest.mark.parametrize(("mark", "bom"), [(";", True), ("\t", False), (",", True)])
def test_what_a_spreadsheet_saves_can_be_read(batch: Labeled, mark: str, bom: bool) -> None:
    rows = filled(batch, "YES", " no ", "Maybe", "strong no").with_columns(
        profile=pl.lit('two\nlines, "quoted"; and\tmore')
    )
    file = batch.folder / "saved.csv"
    file.write_text(rows.write_csv(separator=mark, include_bom=bom), encoding="utf-8")

    assert import_labels(batch.store, file, "Ada").kept == 4


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            b"id,label\n1,Yes\n",
            "has no column batch, sample_id, row, recommendation",
        ),
        (b"batch,sample_id,row\nb,\xff,1\n", "is not UTF-8: save it as 'CSV UTF-8'"),
        (b"", "has no column batch"),
    ],
)
def test_a_file_that_is_no_sheet_is_refused_with_the_remedy(
    batch: Labeled, content: bytes, says: str
) -> None:
    file = batch.folder / "other.csv"
    file.write_bytes(content)

    with pytest.raises(InputError, match=says):
        import_labels(batch.store, file, "Ada")


def test_a_file_that_is_not_there_is_named(batch: Labeled) -> None:
    with pytest.raises(InputError, match="check its path"):
        import_labels(batch.store, Path("nowhere.csv"), "Ada")


def test_an_id_that_looks_like_a_formula_comes_back(judged: Judging) -> None:
    batch = judged(2)
    sheet = batch.sheet(ALL).with_columns(recommendation=pl.lit("Yes"))
    file = batch.file(sheet)
    file.write_text(file.read_text("utf-8-sig").replace(",c0,", ",'c0,"), encoding="utf-8")

    assert import_labels(batch.store, file, "Ada").kept == 2


def test_rows_are_numbered_as_a_spreadsheet_does_though_a_profile_has_many_lines(
    batch: Labeled,
) -> None:
    sheet = filled(batch, "Yes", "Perhaps", "", "")
    rows = sheet.with_columns(profile=pl.lit("Title: Engineer\nJobs:\n- a"))

    (refused,) = import_labels(batch.store, batch.file(rows), "Ada").refused

    assert str(refused).startswith("sheet.csv, row 3, recommendation: 'Perhaps'")
