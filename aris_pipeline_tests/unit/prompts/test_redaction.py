# ruff: noqa: RUF001 - wide signs are what is tested
import time
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aris_pipeline.prompts.profile_lines import lines_of_profile, numbered
from aris_pipeline.prompts.profiles import guarded_text, profile_text
from aris_pipeline.prompts.redaction import redact
from aris_pipeline.prompts.rubrics import Detail
from aris_pipeline_tests.unit.prompts.conftest import candidate

DETAILS = get_args(Detail)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Jane Doe, JANE DOE, jane", "[name], [name], [name]"),
        ("Jane's work", "[name]'s work"),
        ("write to jane.doe+cv@mail.example.org", "write to [email]"),
        ("jane (at) gmail (dot) com", "[email]"),
        ("call +1 (415) 555-0123", "call [phone]"),
        ("+49 151 12345678 or 030/1234567", "[phone] or [phone]"),
        ("06 12 34 56 78", "[phone]"),
        ("9876543210", "[phone]"),
        ("linkedin.com/in/janedoe", "[link]"),
        ("GitHub: jdoe-42", "[link]"),
        ("https://jane.example/cv?x=1", "[link]"),
        ("see janedoe.dev/work", "see [link]"),
        ("LINKEDIN.COM/IN/JANE-DOE HTTPS://JANE.EXAMPLE WWW.JANE.EXAMPLE", "[link] [link] [link]"),
        ("t.me/janedoe wa.me/4915112345678 T.ME/JANEDOE", "[link] [link] [link]"),
        ("in/jane-doe, /in/jane-doe-123", "[link], [link]"),
        ("我的主页https://jane.example/cv，欢迎", "我的主页[link]，欢迎"),
        ("微信：jane_123，邮箱jane@example.com或者", "[link]，邮箱[email]或者"),
        ("jane at example dot com, jane{at}x.org, jane＠x.org", "[email], [email], [email]"),
        ("janedoe42", "[name]"),
    ],
)
def test_what_identifies_a_person_is_replaced(text: str, expected: str) -> None:
    assert redact(text, "Jane", "Doe") == expected


@pytest.mark.parametrize(
    "text",
    [
        "2010 - 2015",
        "01/2015 - 03/2018",
        "2019-03-01 to 2020-05-31",
        "12/05/15 - 14/06/16",
        "Booking.com and Amazon.com",
        "node.js/react, ASP.NET/C#, CI/CD, B.Sc.IT/CSE, built-in/off-site",
        "1,000,000 users, 99.99% uptime, 10000000 rows",
        "Doeville, Janet",
    ],
)
def test_dates_employers_and_skills_stay(text: str) -> None:
    assert redact(text, "Jane", "Doe") == text


def test_a_short_name_goes_only_where_it_is_capitalized() -> None:
    assert redact("An engineer like an architect", "An", "Nguyen") == (
        "[name] engineer like an architect"
    )


def test_accents_and_apostrophes_do_not_hide_a_name() -> None:
    assert redact("José Núñez, Jose Nunez", "José", "Núñez") == "[name], [name]"
    assert redact("Pat O\u2019Brien", "Pat", "O'Brien") == "[name]"


def test_parts_of_a_double_name_go_and_particles_stay() -> None:
    assert redact("de facto Smith", "Maria", "de la Cruz-Smith") == "de facto [name]"


def test_without_a_name_only_contacts_go() -> None:
    assert redact("Jane, j@x.org", None, None) == "Jane, [email]"


@pytest.mark.parametrize("unit", ["a", "a-", "a.", "1 ", "12 ", "(", " @", "@.", "at ", "in/"])
def test_long_runs_without_an_end_take_no_quadratic_time(unit: str) -> None:
    text = unit * (200_000 // len(unit)) + " x@y linkedin www. a.com/"
    started = time.process_time()
    redact(text, "Jane", "Doe")
    assert time.process_time() - started < 5


@pytest.mark.parametrize("unit", ["A.", "Ab ", "project ", "Address: AA", "12 Aa ", "a, ", "| "])
def test_long_runs_take_no_quadratic_time_with_all_details(unit: str) -> None:
    text = "Resume:\n" + unit * (50_000 // len(unit)) + " 1, 10117 B"
    started = time.process_time()
    redact(text, None, None, details=DETAILS)
    assert time.process_time() - started < 5


@given(
    before=st.text(max_size=40), after=st.text(max_size=40), name=st.sampled_from(["Jane", "Doe"])
)
def test_a_name_between_blanks_never_stays(before: str, after: str, name: str) -> None:
    assert f" {name} " not in redact(f"{before} {name} {after}", "Jane", "Doe")


@pytest.mark.parametrize(
    ("first", "last", "text", "expected"),
    [
        ("शर्मा", "राम", "यह शर्त रामायण शरीर राम शर्माजी", "यह शर्त रामायण शरीर [name]जी"),
        ("สมชาย", "ใจดี", "สมชายใจดีเป็นวิศวกร นายสมชาย", "[name]เป็นวิศวกร นาย[name]"),
        ("IŞIL", "ÇELİK", "Işıl Çelik, Isil Celik, IŞIL", "[name], [name], [name]"),
        ("Mary-Jane", "O'Neil", "MaryJane ONeil, mary-jane.oneil", "[name] [name], [name].[name]"),
        (
            "Candidate",
            "17",
            "Candidate for a role with 17 years",
            "[name] for a role with 17 years",
        ),
    ],
)
def test_names_go_whole_in_every_script_and_numbers_stay(
    first: str, last: str, text: str, expected: str
) -> None:
    assert redact(text, first, last) == expected


@pytest.mark.parametrize("last", ["Jobs", "Education", "Skills", "Title", "Resume"])
def test_a_surname_that_is_one_of_our_headings_leaves_the_lines_their_ids(last: str) -> None:
    names = {"first_name": "Jane", "last_name": last, "other_names": []}
    row = candidate(**names, resume_text=f"Jane {last} wrote Go")
    written = profile_text(row)
    shown = guarded_text(written, row, redacted=True, reserved=frozenset(), details=DETAILS)
    assert lines_of_profile(numbered(shown)).keys() == {"T", "L", "J1", "E1", "S", "R1"}
    assert f"Jane {last}" not in shown
    assert "[name] wrote Go" in shown
