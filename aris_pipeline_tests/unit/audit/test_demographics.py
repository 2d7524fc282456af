"""The file of categories: what counts as known, and what is wrong with it in words."""

from pathlib import Path

import polars as pl
import pytest

from aris_pipeline.audit import Demographics, read_demographics
from aris_pipeline.errors import ConfigError, InputError

IDS = pl.Series("custom_id", ["c0", "c1", "c2", "c3"])


def read(folder: Path, text: str, ids: pl.Series = IDS) -> Demographics:
    (folder / "people.csv").write_text(text, encoding="utf-8")
    return read_demographics(folder / "people.csv", ids)


def test_categories_are_joined_by_id_and_capitals_make_no_other(tmp_path: Path) -> None:
    found = read(tmp_path, "Custom_ID;Sex;Race\nc2;female ;White\nc0;Female;\nc1;Male;Asian\n")

    assert found.categories(("sex",)).to_list() == ["Female", "Male", "Female", None]
    both = found.categories(("sex", "race")).to_list()
    assert both == [None, "Male, Asian", "Female, White", None]


@pytest.mark.parametrize("said", ["", " ", "Unknown", "N/A", "prefer not to  say", "Not known"])
def test_what_says_nothing_is_unknown(tmp_path: Path, said: str) -> None:
    found = read(tmp_path, f"custom_id,sex\nc0,{said}\nc1,Male\nc2,Male\n")

    assert found.categories(("sex",)).to_list() == [None, "Male", "Male", None]


def test_an_apostrophe_of_a_spreadsheet_and_blanks_do_not_change_an_id(tmp_path: Path) -> None:
    found = read(tmp_path, "custom_id,sex\n'c0,Male\n c1 ,Female\nc2,Male\n")

    assert found.categories(("sex",)).to_list() == ["Male", "Female", "Male", None]


def test_ids_that_the_batch_does_not_have_are_counted(tmp_path: Path) -> None:
    found = read(tmp_path, "custom_id,sex\nc0,Male\nx,Male\ny,Female\n,Male\n")

    assert found.strangers == 3


def test_by_default_each_column_and_each_pair_is_a_dimension(tmp_path: Path) -> None:
    found = read(tmp_path, "custom_id,sex,race,age\nc0,Male,Asian,40\nc1,Male,Asian,40\n")

    assert [",".join(one) for one in found.dimensions([])] == [
        *("sex", "race", "age"),
        *("sex,race", "sex,age", "race,age"),
    ]
    assert found.dimensions(["Sex, age", "race,race"]) == [("sex", "age"), ("race",)]


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    found = read(tmp_path, "custom_id,sex,race\nc0,Male,Asian\nc1,Male,Asian\n")

    with pytest.raises(ConfigError, match=r"--by gender: people\.csv has no such column; it has"):
        found.dimensions(["gender"])


def test_combinations_of_categories_with_commas_stay_apart(tmp_path: Path) -> None:
    found = read(tmp_path, 'custom_id,sex,race\nc0,"A, B",C\nc1,A,"B, C"\nc2,A,B\n')

    said = found.categories(("sex", "race")).drop_nulls().to_list()
    assert said == ['"A, B", C', 'A, "B, C"', "A, B"]


def test_ids_are_found_as_spreadsheets_write_them_and_as_they_are(tmp_path: Path) -> None:
    ids = pl.Series("custom_id", ["kk1", "'kk1", "'=2", "a\nb"])
    text = "custom_id,sex\nkk1,A\n'kk1,B\n''=2,C\n\"a\nb\",D\n"
    found = read(tmp_path, text, ids)

    assert found.categories(("sex",)).to_list() == ["A", "B", "C", "D"]
    alone = read(tmp_path, "custom_id,sex\nkk1,A\n=2,C\n", ids)
    assert alone.categories(("sex",)).to_list() == ["A", None, "C", None]


def test_a_column_of_names_is_no_dimension(tmp_path: Path) -> None:
    ids = pl.Series("custom_id", [f"c{n}" for n in range(5)])
    rows = "".join(f"c{n},Ada Roe {n}\n" for n in range(5))
    found = read(tmp_path, f"custom_id,name\n{rows}", ids)

    with pytest.raises(InputError, match=r"column name: 5 different values of 5 .*--by"):
        found.categories(("name",))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id,sex\nc0,Male\n", "people.csv has no column custom_id in its first line: name the"),
        ("", "has no column custom_id"),
        ("custom_id\nc0\n", "has no categories: give it a row a candidate, and a column such as"),
        ("custom_id,sex\n", "has no categories: give it a row a candidate"),
        (
            "custom_id,sex\nc0,Male\nc1,Male\nc0,Female\n",
            "has candidates twice: 'c0' in rows 2 and 4: keep one row of each",
        ),
        (
            "custom_id,sex\nx,Male\n",
            "none of the 1 ids of people.csv is a custom_id of this batch: .* such as 'c0'",
        ),
        ("custom_id,Sex,sex\nc0,Male,Female\n", "has the column sex twice: keep one of them"),
        (
            'custom_id,sex\nc0,"Male\nc1,Male\n',
            "people.csv, row 2, column sex: a category has a line break: is a quotation mark",
        ),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        read(tmp_path, text)
