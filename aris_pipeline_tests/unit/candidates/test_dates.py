import json

import pytest

from aris_pipeline.candidates.dates import date_of, period

from .conftest import Desk


@pytest.mark.parametrize(
    "unknown",
    [
        "1970-01-01", "1970-01-01T00:00:00.000Z", "1970-01-01 00:00:00+00:00", "01/01/1970",
        "Jan 1, 1970", "Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)",
        "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01", "1969-12-31T19:00:00-05:00", "Dec 31, 1969",
        "0001-01-01", "0001-01-01T00:00:00", "01.01.0001", "0000-00-00", "0000-00-00 00:00:00",
        "00/00/0000", "1900-01-01", "1/1/1900 12:00:00 AM", "1899-12-30", "1753-01-01",
        "1601-01-01",
        "0", "0.0", "-1", "-62135596800000", "-62135596800", "-2208988800000", "19700101",
        "-9223372036854775808", "-19800000", "/Date(-62135596800000)/", "NaT", "nan", "N/A", "-",
    ],
)  # fmt: skip
def test_a_date_that_stands_for_none_is_unknown(unknown: str) -> None:
    assert period(unknown, unknown, False) == (None, None, False)
    assert date_of(unknown) is None


@pytest.mark.parametrize(
    "end",
    [
        "9999-12-31", "9999-12-31T23:59:59.9999999Z", "31.12.9999", "12/31/9999", "Dec 9999",
        "9999",
        "99991231", "253402300799000", "253402300799", "2999-12-31", "2099-12-31", "4102444800000",
        "9223372036854775807", "2147483647", "+275760-09-13", "Present", "present ", "Current",
        "NOW", "to date", "Till date.", "heute", "aujourd'hui", "Actualidad", "至今", "現在",
        "현재",
        "infinity",
    ],
)  # fmt: skip
def test_an_end_that_never_comes_means_now(end: str) -> None:
    assert period("2019-03", end, None) == ("2019-03", None, True)


def test_a_last_day_is_unknown_where_the_file_says_that_the_job_has_ended() -> None:
    assert period("9999-12-31", "9999-12-31", False) == (None, None, False)
    assert period("2019", "Present", False) == ("2019", None, True)


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("1551398400000", "2019-03"), ("1551398400", "2019-03"), ("1551398400.0", "2019-03"),
        ("1.5513984e+12", "2019-03"), ("1551398400000000", "2019-03"),
        ("1551398400000000000", "2019-03"), ("-315619200", "1960-01"), ("94694400000", "1973-01"),
        ("/Date(1551398400000)/", "2019-03"), ("\\/Date(1551398400000+0530)\\/", "2019-03"),
        ("1551378600000", "2019-03"),  # midnight in India
        ("1585699199999", "2020-03"),  # the last moment of a month
        ("43525", "2019-03"), ("43525.0", "2019-03"), ("2019.0", "2019"), ("201903", "2019-03"),
        ("20190301", "2019-03-01"), ("20190301120000", "2019-03-01"),
    ],
)  # fmt: skip
def test_epochs_serials_and_dates_in_digits_are_dates(written: str, date: str) -> None:
    assert period(written, written, None) == (date, date, None)


@pytest.mark.parametrize(
    "written",
    [
        "2019-03-01", "2019-03", "2019", "1970", "Mar 2019", "March 1, 2019", "03/2019", "2019/03",
        "1969", "June 1970", "1970-06-01", "2019-03-01T00:00:00Z", "Spring 2012", "2019年3月",
        "Q3 2019", "12", "17956", "1999 or 2000", "Room 1234",
    ],
)  # fmt: skip
def test_what_people_write_is_kept(written: str) -> None:
    assert period(written, written, None) == (written, written, None)
    assert date_of(written) == written


def test_a_degree_that_goes_on_says_so() -> None:
    assert date_of("Present") == "Present"


def test_the_dates_of_a_file_are_read_as_it_is_validated(desk: Desk) -> None:
    jobs = [
        {"title": "Engineer", "work_start_date": 1551398400000, "work_end_date": 1585699200000},
        {"title": "Intern", "work_start_date": "1970-01-01", "work_end_date": "1970-01-01"},
        {"title": "Dev", "work_start_date": "0001-01-01T00:00:00", "work_end_date": "9999-12-31"},
    ]
    degrees = [
        {"school": "Elm", "end_date": 1338508800},
        {"school": "Oak", "end_date": "0000-00-00"},
    ]
    record = {"aristotleId": "a", "gemData": {"work_info": jobs, "education_info": degrees}}
    batch = desk.land("a.json", json.dumps({"candidates": [record]}))
    desk.validate(batch)

    (row,) = desk.candidates(batch)

    assert [
        (job["work_start_date"], job["work_end_date"], job["is_current"])
        for job in row["work_info"]
    ] == [("2019-03", "2020-04", None), (None, None, None), (None, None, True)]
    assert [degree["end_date"] for degree in row["education_info"]] == ["2012-06", None]


@pytest.mark.parametrize(
    ("written", "period_"),
    [
        (("2563", "2565"), ("2020", "2022", None)),
        (("01/06/2563", "2565-05"), ("01/06/2020", "2022-05", None)),
        (("2019", "2109"), ("2019", "2109", None)),
        (("1019-05", None), ("1019-05", None, None)),
        (("2019", "2099-12-31"), ("2019", None, True)),
    ],
)
def test_a_year_of_another_calendar_is_converted_and_a_slip_is_kept_as_written(
    written: tuple[str, str | None], period_: tuple[str | None, str | None, bool | None]
) -> None:
    assert period(*written, None) == period_
