import csv
import io
import json
import os
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from aris_pipeline.candidates import LandingOptions, land_file
from aris_pipeline.errors import InputError
from aris_pipeline.storage import Batch

from .conftest import DAY, Desk


def table(*rows: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def land_frame(desk: Desk, frame: pl.DataFrame, **options: str) -> Batch:
    path = desk.files / "a.parquet"
    frame.write_parquet(path)
    return land_file(desk.store, path, LandingOptions.model_validate(options), on=DAY)


def test_a_row_with_line_breaks_keeps_its_text_and_its_first_line(desk: Desk) -> None:
    text = table(["Category", "Resume"], ["x", 'one\ntwo, "2"\n\nfour'], ["y", "five"])
    batch = desk.land("a.csv", text)
    rows = desk.landed(batch)
    assert [row["line"] for row in rows] == [2, 6]
    assert json.loads(rows[0]["record"]) == {"Category": "x", "Resume": 'one\ntwo, "2"\n\nfour'}
    desk.validate(batch)
    assert desk.candidates(batch)[0]["resume_text"] == 'one\ntwo, "2"\n\nfour'
    assert json.loads(desk.candidates(batch)[0]["extra"]) == {"Category": "x"}


def test_identical_rows_without_an_id_stay_separate_and_keep_their_ids(desk: Desk) -> None:
    batch = desk.land("a.csv", "Resume\nsame\nother\nsame\n")
    first, other, second = desk.ids(batch)
    assert first.endswith("-1")
    assert second == first.removesuffix("-1") + "-2"
    again = desk.land("b.csv", "Resume\nsame\nsame\nnew\n")
    assert desk.ids(again)[:2] == [first, second]
    assert other not in desk.ids(again)


def test_an_id_column_is_used_and_its_duplicates_are_quarantined(desk: Desk) -> None:
    batch = desk.land("a.csv", "ID,Resume\n7,x\n,no id\n7,y\n")
    ids = desk.ids(batch)
    assert ids[0] == "7"
    assert ids[1].endswith("-1")
    assert desk.rules(batch) == [(4, "duplicate_id")]


def test_a_row_with_a_wrong_number_of_columns_is_quarantined(desk: Desk) -> None:
    batch = desk.land("a.csv", "id,Resume\n1,x\n2\n3,x,y\n4,x,,\n")
    assert desk.ids(batch) == ["1", "4"]
    assert desk.rules(batch) == [(3, "malformed_row"), (4, "malformed_row")]


def test_a_short_row_between_quoted_rows_takes_no_neighbor_along(desk: Desk) -> None:
    batch = desk.land("a.csv", 'id,Resume\n1,"a, b"\nshort\n3,plain\n4,"d"\n')
    assert desk.ids(batch) == ["1", "3", "4"]
    assert desk.rules(batch) == [(3, "malformed_row")]


def test_a_quote_that_is_never_closed_costs_only_its_row(desk: Desk) -> None:
    text = 'id,Resume\n1,"a"\n2,"not closed\n   second line\n3,"c"\n4,"d\ne"\n'
    batch = desk.land("a.csv", text)
    assert desk.ids(batch) == ["1", "3", "4"]
    assert desk.rules(batch) == [(3, "malformed_row")]
    assert [row["line"] for row in desk.landed(batch)] == [2, 5, 6]


def test_an_open_quote_before_rows_without_quotes_costs_only_its_row(desk: Desk) -> None:
    batch = desk.land("a.csv", 'id,Resume\n1,"open\n2,b\n3,c\n4,d\n')
    assert desk.ids(batch) == ["2", "3", "4"]
    assert desk.rules(batch) == [(2, "malformed_row")]


def test_the_rest_of_a_broken_text_does_not_pass_for_candidates(desk: Desk) -> None:
    good = [f'{number},"first\nsecond, line"' for number in range(3)]
    broken = '3,"said "hi\nBSc, MIT\nMSc, ETH\nSkills, Go"'
    batch = desk.land("a.csv", "\n".join(["id,Resume", *good, broken, '4,"d"', '5,"e"']))
    assert desk.ids(batch) == ["0", "1", "2", "4", "5"]
    assert desk.rules(batch) == [(8, "malformed_row")]
    assert "3 lines after it" in desk.landing_quarantine(batch)[0]["message"]


def test_a_file_cut_off_inside_a_text_loses_only_that_row(desk: Desk) -> None:
    batch = desk.land("a.csv", 'id,Resume\n1,"a"\n2,"first, line\nsecond line\nthird')
    assert desk.ids(batch) == ["1"]
    assert desk.rules(batch) == [(3, "malformed_row")]


def test_stray_quotes_in_one_line_are_read_as_spreadsheets_do(desk: Desk) -> None:
    batch = desk.land("a.csv", 'id,Resume\n1,a 5" disk\n2,"said "hi" to me"\n')
    assert desk.ids(batch) == ["1", "2"]


def test_a_row_over_the_size_limit_is_quarantined_alone(desk: Desk) -> None:
    rows = [["1", "a"], ["2", "long, text, of lines\n" * 500], ["3", "x" * 5000], ["4", "d"]]
    batch = desk.land("a.csv", table(["id", "Resume"], *rows), max_row_bytes=1000)
    assert desk.ids(batch) == ["1", "4"]
    assert desk.rules(batch) == [(3, "over_size"), (504, "over_size")]
    assert [row["line"] for row in desk.landed(batch)] == [2, 505]


def test_bom_latin_1_and_semicolons_are_survived(desk: Desk) -> None:
    batch = desk.land("a.csv", b"\xef\xbb\xbfID;Resume\n1;Caf\xe9, Bar\n" + "2;Łódź\n".encode())
    desk.validate(batch)
    found = {row["custom_id"]: row["resume_text"] for row in desk.candidates(batch)}
    assert found == {"1": "Café, Bar", "2": "Łódź"}


@pytest.mark.parametrize("column", ["RESUME", "resume_text", "Resume_str", "cv", "Profile"])
def test_the_text_column_is_found_by_its_name(desk: Desk, column: str) -> None:
    batch = desk.land("a.csv", f"Category,{column}\nx,words\n")
    desk.validate(batch)
    assert desk.candidates(batch)[0]["resume_text"] == "words"


def test_named_columns_win_over_usual_names(desk: Desk) -> None:
    text = "id,key,Resume,notes,Job Title\n1,k,wrong,right,x\n"
    batch = desk.land("a.csv", text, text_column="notes", id_column="key")
    desk.validate(batch)
    row = desk.candidates(batch)[0]
    assert (row["custom_id"], row["resume_text"]) == ("k", "right")
    assert (row["title"], json.loads(row["extra"])) == ("x", {"id": "1", "Resume": "wrong"})


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        ("a,Email\n1,2\n", {}, "'a', 'Email'. Name it with --text-column"),
        ("Ann Lee,Engineer\nBo Yu,Cook\n", {}, "its columns: 2, which may be data"),
        ("a,b\n1,2\n", {"text_column": "c"}, r"no column 'c' \(--text-column\)"),
        ("Resume\n", {}, "holds no record"),
        ("id,Resume\nx\ny\n", {}, r"2 malformed_row \(first at line 2: expected 2 columns"),
        ("\n\n", {}, "no header line"),
        ("Resume\nx\n".encode("utf-16"), {}, "UTF-16"),
    ],
)
def test_an_unusable_csv_is_refused_with_its_reason(
    desk: Desk, content: str | bytes, options: dict[str, str], expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        desk.land("a.csv", content, **options)
    assert desk.store.batches() == []


def test_a_parquet_table_of_texts_lands(desk: Desk) -> None:
    frame = pl.DataFrame({"id": [1, None], "Resume": ["x", "y"], "seen": [date(2026, 1, 2), None]})
    batch = land_frame(desk, frame)
    desk.validate(batch)
    rows = desk.candidates(batch)
    assert [row["resume_text"] for row in rows] == ["x", "y"]
    assert desk.ids(batch)[0] == "1"
    assert json.loads(rows[0]["extra"]) == {"seen": "2026-01-02"}


def test_a_parquet_table_of_profiles_keeps_its_nested_columns(desk: Desk) -> None:
    frame = pl.DataFrame(
        {"id": ["a"], "work_info": [[{"title": "CTO", "team": 3}]], "title": ["x"]}
    )
    batch = land_frame(desk, frame)
    desk.validate(batch)
    row = desk.candidates(batch)[0]
    assert row["work_info"][0]["title"] == "CTO"
    assert json.loads(row["extra"]) == {"work_info": [{"team": 3}]}


def test_a_parquet_table_of_exported_candidates_is_understood(desk: Desk) -> None:
    frame = pl.DataFrame({"aristotleId": ["a"], "gemData": [{"title": "x"}], "cvData": [1]})
    batch = land_frame(desk, frame)
    desk.validate(batch)
    row = desk.candidates(batch)[0]
    assert (row["title"], row["extra"]) == ("x", '{"cvData": 1}')


def test_a_parquet_file_that_is_none_or_has_no_text_is_refused(desk: Desk) -> None:
    with pytest.raises(InputError, match="not readable parquet"):
        desk.land("a.parquet", "no parquet")
    with pytest.raises(InputError, match="--text-column"):
        land_frame(desk, pl.DataFrame({"a": [1]}))


def test_real_resumes_land_completely(desk: Desk) -> None:
    default = Path(__file__).parents[4] / "shared" / "data"
    file = Path(os.environ.get("ARIS_TEST_DATA", default)) / "resumes-437.csv"
    if not file.exists():
        pytest.skip(f"{file} is not here: set ARIS_TEST_DATA to the directory that holds it")
    batch = land_file(desk.store, file)
    assert (batch.shard_rows, batch.quarantined) == ([437], 0)
    assert desk.validate(batch)[0].rows == 437
    rows = desk.candidates(batch)
    assert len({row["resume_text"] for row in rows}) == 87
    assert len({row["custom_id"].split("-")[0] for row in rows}) == 87
    assert not any("NaÃ¯ve" in row["resume_text"] for row in rows)
    assert any("Naïve" in row["resume_text"] and row["repaired"] for row in rows)


def test_a_name_in_one_column_is_taken_apart_for_redaction(desk: Desk) -> None:
    batch = desk.land("a.csv", "id,Full Name,Resume\n1,Ann van Lee,words\n")
    desk.validate(batch)
    row = desk.candidates(batch)[0]
    assert (row["first_name"], row["last_name"]) == ("Ann", "van Lee")
    assert row["extra"] is None
