"""Seeded résumés with details of ten kinds: none may reach a prompt of `aris-swe-v2`."""

import random
from collections import Counter
from typing import Any, get_args

import pytest

from aris_pipeline.prompts.profiles import guarded_text, profile_text
from aris_pipeline.prompts.redaction import redact, redactions
from aris_pipeline.prompts.rubrics import Detail
from aris_pipeline_tests.unit.prompts.conftest import candidate

DETAILS = get_args(Detail)
NAMES = (
    ("Aiko", "Tanaka"), ("Miguel", "Ortega"), ("Siobhán", "O'Neill"), ("Priya", "Raman"),
    ("Jean-Luc", "Moreau"), ("Fatima", "Al-Sayed"), ("Dvora", "Levitan"), ("Kwame", "Mensah"),
    ("Anneke", "van der Berg"), ("Rajesh", "Iyer"), ("Svetlana", "Petrova"), ("Liam", "Gallagher"),
)  # fmt: skip
HEADINGS = (
    "{name}\n", "{upper}\n", "{name} | {title}\n", "Curriculum Vitae\n{name}\n", "Name: {name}\n",
    "{file}.pdf\n{title}\n", "{title}\n{name}, Berlin\n", "{name}, PhD\n", "**{name}**\n",
)  # fmt: skip
BIRTHS = ("Date of birth: {day}", "DOB: {day}", "Born {day}", "Born on {day} in Lyon")
DAYS = ("4 May 1990", "04.05.1990", "1990-05-04", "05/04/1990", "May 4, 1990", "4th of May 1990")
AGES = ("Age: 36", "36 years old", "36-year-old engineer", "Aged 36")
ADDRESSES = (
    "12 Oak Street, Springfield, IL 62704", "450 W 42nd St, Apt 7B, New York, NY 10036",
    "Hauptstraße 12, 10115 Berlin", "5 rue de la Paix, 75002 Paris", "Address: 9 Elm Rd, Leeds",
    "P.O. Box 1234", "221B Baker Street, London",
)  # fmt: skip
FAMILIES = ("Marital status: married", "Married, two children", "Civil status: divorced",
            "mother of two")  # fmt: skip
ORIGINS = ("Nationality: German", "US citizen", "Citizenship: Indian", "Religion: Hindu")
GENDERS = ("Gender: female", "(she/her)", "Sex: M", "Pronouns: he/him")
PHONES = ("+1 415 555 0132", "(415) 555-0132", "+49 30 1234567", "Tel. 030 / 1234567")
LINKS = ("linkedin.com/in/{slug}", "https://github.com/{slug}", "www.{slug}.dev")


def _resume(drawn: random.Random) -> tuple[str, dict[str, list[str]]]:
    """Returns a résumé, and by kind what must not be left of it."""
    first, last = drawn.choice(NAMES)
    name, title = f"{first} {last}", "Senior Software Engineer"
    slug = f"{first}{last}".lower().replace(" ", "").replace("'", "").replace("á", "a")
    heading = drawn.choice(HEADINGS).format(
        name=name, upper=name.upper(), title=title, file=f"{first}_{last.replace(' ', '_')}_resume"
    )
    day, email = drawn.choice(DAYS), f"{slug}@mail.example"
    link, phone = drawn.choice(LINKS).format(slug=slug), drawn.choice(PHONES)
    details = {
        "birth": drawn.choice(BIRTHS).format(day=day),
        "age": drawn.choice(AGES),
        "address": drawn.choice(ADDRESSES),
        "family": drawn.choice(FAMILIES),
        "nationality": drawn.choice(ORIGINS),
        "gender": drawn.choice(GENDERS),
    }
    lines = [f"{email} | {phone}", link, *details.values()]
    drawn.shuffle(lines)
    text = f"{heading}{chr(10).join(lines)}\nSummary\nShe built payment systems in Go at Acme.\n"
    text += f"{first} led a team of 5; his work cut costs by 30 % for 40 customers.\n"
    left = {"name": [first, last], "email": [email], "phone": [phone], "link": [slug]}
    left |= {kind: [said] for kind, said in details.items()} | {"birth": [day]}
    left["pronouns"] = ["She ", " his "]
    return text, left


def _hits(text: str, left: dict[str, list[str]]) -> set[str]:
    folded = text.casefold()
    return {kind for kind, said in left.items() if any(one.casefold() in folded for one in said)}


@pytest.mark.parametrize("form", ["aris", "csv", "text"])
def test_no_detail_of_two_hundred_resumes_is_left(form: str) -> None:
    drawn, hits = random.Random(11), Counter[str]()
    for _ in range(200):
        text, left = _resume(drawn)
        given: dict[str, Any] = {"first_name": None, "last_name": None, "other_names": []}
        if form == "aris":
            given |= {"first_name": left["name"][0], "last_name": left["name"][1]}
        title = "Senior Software Engineer" if form == "aris" else None
        row = candidate(**given, title=title, resume_text=text)
        if form == "text":
            row |= {"company": None, "location": None, "work_info": [], "education_info": []}
        written = profile_text(row)
        shown = guarded_text(written, row, redacted=True, reserved=frozenset(), details=DETAILS)
        hits.update(_hits(shown, left))
        assert "payment systems in Go at Acme" in shown
        assert "team of 5" in shown
        assert "30 % for 40 customers" in shown
        assert set(redactions(written, shown)) >= {"name", "email", "birth", "age", "address"}
    assert dict(hits) == {}


@pytest.mark.parametrize(
    "text",
    [
        "Amazon Web Services\nMachine Learning Engineer\nBuilt 3 services on Google Cloud.",
        "Led the Main Street Bank migration; 12 years of Java, 30 years old COBOL code replaced.",
        "Data Scientist\nStanford University\nNew York\nReact Native, Spring Boot, Ruby on Rails",
        "Born in the cloud: a platform for 40 customers aged systems. Married design with code.",
        "Single sign-on, page-aging caches, Drive 5 projects; 100 Best Workplaces award",
    ],
)
def test_what_is_no_detail_stays(text: str) -> None:
    row = candidate(first_name=None, last_name=None, other_names=[], resume_text=text)
    written = profile_text(row)
    shown = guarded_text(written, row, redacted=True, reserved=frozenset(), details=DETAILS)
    assert shown == written


@pytest.mark.parametrize(
    "text",
    [
        "Fixed race conditions in the scheduler.",
        "Nationality prediction model",
        "Sent events via Kafka to 40 services.",
        "Won 1 place in the ICPC finals",
        "2019-2021 Software Engineer Square",
        "Startup born in 2015, grew to 40",
        "Alter 20 tables without downtime",
        "HIS (Hospital Information System)",
        "Ms Office, Ms Excel",
        "Keras Django\nPython developer, Keras since 2016",
        "Apache Kafka, Spark\nSenior engineer",
        "Growth Marketer\nled growth",
        "Built 20 Google Drive integrations",
        "Led 3 Cloud Migration Drive projects",
        "stored on S3 2TB, via Kafka 3 topics",
        "Address: validation service for 30 million parcels",
        "Senior citizen app, Wells national bank",
        "Data race: fixed in Go. Build status: single binary",
        "Cache Miss Ratio, cache age 30 seconds",
        "parent of an element, image height: 1080 px, weight: 400",
        "Facebook: Software Engineer. Risk Medium: fixed. GitLab: CI/CD",
    ],
)
def test_words_of_technical_resumes_stay(text: str) -> None:
    assert redact(text, None, None, details=DETAILS) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Father's Name: Gopal Verma\nJava", "[name]\nJava"),
        ("Father's Name: Mr. Gopal Verma\nJava", "[name]\nJava"),
        ("S/o Late Sh. Gopal Verma\nJava", "[name]\nJava"),
        ("References:\nMr. Tunde Bello, manager", "References:\n[name], manager"),
        ("Date of Birth(Gender):1993-12-20", "[birth]"),
        ("Born 7 Nov '88. Java", "[birth]. Java"),
        ("geb. am 03.07.1985 in Bonn", "[birth] in Bonn"),
        ("出生日期\uff1a1992年8月15日", "[birth]"),
        ("Age/Sex: 29/M", "[age]"),
        ("I am a 34-year-old accountant", "[age] accountant"),
        ("Marital Status: Not married", "[family]"),
        ("Happily married with two kids", "[family]"),
        ("Status : Un-married", "[family]"),
        ("Ethnic origin: Kurdish", "[nationality]"),
        ("H.No. 12-4-56/A, Lake Residency, Hyderabad - 500072", "[address]"),
        ("C/ Mayor 45, 3º B, 28014 Madrid", "[address]"),
        ("P.O. Box 4821, Riyadh 11412", "[address]"),
        ("Passport No. : K1234567", "[papers]"),
        ("PAN: ABCDE1234F", "[papers]"),
        ("\u8eab\u4efd\u8bc1\u53f7\uff1a310101199503121234", "[papers]"),
        ("Height: 180 cm, Weight: 75 kg", "[papers], [papers]"),
        ("Date of Birth \u2013 04/05/1990", "[birth]"),
        ("| Date of Birth | 04/05/1990 |", "| [birth] |"),
        ("**Date of birth:** 04/05/1990", "**[birth]"),
        ("Born on the 4th of May 1990", "[birth]"),
        ("Geburtstag: 4. Mai 1990", "[birth]"),
        ("| Marital status | Married |", "| [family] |"),
        ("Springfield. Married, two kids.", "Springfield. [family]."),
        ("37 years of age", "[age]"),
        ("British Citizen", "[nationality]"),
        ("12 OAK STREET, SPRINGFIELD", "[address]"),
        ("Via Roma 12, 20121 Milano", "[address]"),
    ],
)
def test_details_are_found_in_the_forms_of_many_countries(text: str, shown: str) -> None:
    assert redact(text, None, None, details=DETAILS) == shown


@pytest.mark.parametrize(
    ("heading", "shown"),
    [
        ("Thornbury, Jane", "[name], [name]"),
        ("Jane THORNBURY", "[name]"),
        ("Jane Thornbury, 34, Berlin", "[name], 34, Berlin"),
        ("Jane Thornbury, MSc, Software Engineer", "[name], MSc, Software Engineer"),
        ("\u2022 Jane Thornbury", "\u2022 [name]"),
        ("CV: Jane Thornbury", "CV: [name]"),
        ("Hi, I'm Jane Thornbury, a developer", "Hi, I'm [name], a developer"),
        ("Will Thornbury\nSoon I will build", "[name]\nSoon I [name] build"),
        ("Jane Thornbury\njane.thornbury(at)web.example", "[name]\n[email]"),
        ("Jane Thornbury\nGitHub: thornbury", "[name]\n[link]"),
        ("LinkedIn: Jane Thornbury", "[link]"),
        ("\u5f20\u4f1f", "[name]"),
        ("\uae40\ucca0\uc218", "[name]"),
    ],
)
def test_a_name_at_the_top_of_a_resume_goes_however_it_is_written(heading: str, shown: str) -> None:
    text = f"Title: Engineer\nResume:\n{heading}\nBuilt parsers."

    found = redact(text, None, None, details=DETAILS)

    assert found == f"Title: Engineer\nResume:\n{shown}\nBuilt parsers."


def test_our_headings_stay_whatever_a_person_is_called() -> None:
    text = "Title: Engineer\nJobs:\n- Engineer at Jobs Inc\nSkills: Go\nResume:\nJobs: many"

    found = redact(text, "Tess", "Jobs", ["Skills"], details=DETAILS)

    assert found.splitlines()[1:4] == ["Jobs:", "- Engineer at [name] Inc", "Skills: Go"]
    assert found.endswith("Resume:\n[name]: many")
