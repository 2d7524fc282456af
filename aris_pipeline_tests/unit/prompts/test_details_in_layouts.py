# ruff: noqa: RUF001 - wide signs and dashes are what is tested
"""Names and details in the layouts of other résumés, and text that only looks like them."""

from typing import get_args

import pytest

from aris_pipeline.prompts.redaction import redact
from aris_pipeline.prompts.rubrics import Detail

DETAILS = get_args(Detail)


def _shown(resume: str) -> str:
    text = redact(f"Resume:\n{resume}", None, None, details=DETAILS)
    return text.removeprefix("Resume:\n")


@pytest.mark.parametrize(
    ("heading", "shown"),
    [
        ("Thornbury, Jane", "[name], [name]"),
        ("Jane THORNBURY", "[name]"),
        ("THORNBURY Jane", "[name]"),
        ("JANE J. THORNBURY", "[name]"),
        ("Jane Thornbury, 34, Berlin", "[name], 34, Berlin"),
        ("Jane Thornbury, MSc, Software Engineer", "[name], MSc, Software Engineer"),
        ("Jane Thornbury, Software Engineer, Berlin", "[name], Software Engineer, Berlin"),
        ("Jane (Janie) Thornbury", "[name] ([name]) [name]"),
        ("• Jane Thornbury", "• [name]"),
        ("CV: Jane Thornbury", "CV: [name]"),
        ("Hi, I'm Jane Thornbury", "Hi, I'm [name]"),
        ("| Name | Jane Thornbury |", "| Name | [name] |"),
        ("Name – Jane Thornbury", "Name – [name]"),
        ("Name: Thornbury, Jane", "Name: [name], [name]"),
        ("Name : Ms. Jane Thornbury", "Name : [name]"),
        ("Candidate: Thornbury, Jane K.", "Candidate: [name], [name] K."),
        ("Nombres: Jane Thornbury", "Nombres: [name]"),
    ],
)
def test_a_name_at_the_top_goes_in_every_layout(heading: str, shown: str) -> None:
    shown_whole = f"{shown}\n[name] led it, [name] built it"
    assert _shown(f"{heading}\nJane led it, Thornbury built it") == shown_whole


@pytest.mark.parametrize("name", ["MAX LEE", "LI NA", "张伟", "山田太郎", "김철수"])
def test_a_short_name_alone_on_the_first_line_goes(name: str) -> None:
    assert _shown(f"{name}\nEngineer") == "[name]\nEngineer"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("JANE DE LOS THORNBURY", "[name]"), ("李伟 (Li Wei)", "[name] ([name] [name])")],
)
def test_a_name_with_particles_or_in_two_scripts_goes_whole(name: str, shown: str) -> None:
    assert _shown(f"{name}\nEngineer") == f"{shown}\nEngineer"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("jane.thornbury(at)web.de", "[email]"),
        ("jane.thornbury [at] web [dot] com", "[email]"),
        ("GitHub: thornbury", "[link]"),
        ("Skype: jane thornbury", "[link]"),
        ("see thornbury.dev", "see [name].dev"),
    ],
)
def test_an_account_in_small_letters_makes_no_name_a_common_word(said: str, shown: str) -> None:
    assert _shown(f"Jane Thornbury\n{said}") == f"[name]\n{shown}"


@pytest.mark.parametrize(
    ("resume", "shown"),
    [
        ("Will Thornbury\nI will build", "[name]\nI [name] build"),
        ("Mark Rosen\nGo, trade mark search", "[name]\nGo, trade [name] search"),
        ("Product Thinking\nproduct thinking", "Product Thinking\nproduct thinking"),
    ],
)
def test_one_word_in_small_letters_does_not_save_a_name_on_the_first_line(
    resume: str, shown: str
) -> None:
    assert _shown(resume) == shown


@pytest.mark.parametrize(
    ("resume", "shown"),
    [
        ("Date of Birth – 04/05/1990", "[birth]"),
        ("| Date of Birth | 04/05/1990 |", "| [birth] |"),
        ("**Date of birth:** 04/05/1990", "**[birth]"),
        ("**Age:** 29", "**[age]"),
        ("**Gender:** male", "**[gender]"),
        ("Gender – Male", "[gender]"),
        ("Nationality – German", "[nationality]"),
        ("| Marital status | Married |", "| [family] |"),
        ("Marital Status – Married", "[family]"),
    ],
)
def test_a_label_counts_before_a_dash_in_a_table_and_in_bold(resume: str, shown: str) -> None:
    assert _shown(resume) == shown


@pytest.mark.parametrize(
    ("resume", "shown"),
    [
        ("US Citizen", "[nationality]"),
        ("British Citizen", "[nationality]"),
        ("Citizen of India", "[nationality]"),
        ("Springfield. Married, two kids.", "Springfield. [family]."),
        ("29 years old. Married.", "[age]. [family]."),
        ("Date of Birth: March, 1985", "[birth]"),
        ("Born on the 4th of May 1990", "[birth]"),
        ("Geburtstag: 4. Mai 1990", "[birth]"),
        ("Geburtsdatum/-ort: 4. Mai 1990, Bonn", "[birth]"),
        ("37 years of age", "[age]"),
        ("12 OAK STREET, SPRINGFIELD", "[address]"),
        ("12 King Street West, Toronto", "[address]"),
        ("5 Willow Close, Leeds LS1 4AP", "[address]"),
        ("Unter den Linden 7, 10117 Berlin", "[address]"),
        ("Via Roma 12, 20121 Milano", "[address]"),
        ("身份证号：310101199503121234", "[papers]"),
        ("Height: 1.80 m", "[papers]"),
    ],
)
def test_details_in_plain_words_go(resume: str, shown: str) -> None:
    assert _shown(resume) == shown


@pytest.mark.parametrize(
    "resume",
    [
        "Built 20 Google Drive integrations",
        "Led 3 Cloud Migration Drive projects",
        "12 Engineers Close to customers",
        "15 Month End Close",
        "3 Block Square payments",
        "Opened 12 Main Street branches",
        "stored on S3 2TB",
        "Via Kafka 3 topics",
        "Address: validation service for 30 million parcels",
        "Senior citizen app",
        "Digital citizen services",
        "Wells national bank",
        "Data race: fixed in Go",
        "Cache Miss Ratio",
        "Ms. Data Science, MIT",
        "cache age 30 seconds",
        "a 20-year-old, COBOL system",
        "parent of an element",
        "Build status: single binary",
        "Image height: 1080 px",
        "weight: 400",
        "Wells Fargo\nEngineer at Wells Fargo",
        "Hewlett Packard\nEngineer",
        "Palo Alto Networks\nEngineer",
        "Morgan Stanley\nEngineer at Morgan Stanley",
        "Projects\nName: Spring Boot Migration\nSpring, Boot",
        "Worked for Her Majesty's Treasury",
        "Berlin, Germany",
        "软件工程师\nGo",
    ],
)
def test_achievements_and_firms_that_look_like_details_stay(resume: str) -> None:
    assert _shown(resume) == resume


@pytest.mark.parametrize(
    ("resume", "shown"),
    [
        ("LinkedIn: Jane Thornbury", "[link]"),
        ("Skype: live:jane", "[link]"),
        ("jane.github.io", "[link]"),
        ("see linkedin.com/in/jane", "see [link]"),
        ("Discord: jane#1234", "[link]"),
        ("GitHub: janedoe | LinkedIn: jane-doe", "[link] | [link]"),
        ("Facebook: Software Engineer", "Facebook: Software Engineer"),
        ("Risk Medium: fixed", "Risk Medium: fixed"),
        ("GitLab: CI/CD", "GitLab: CI/CD"),
        ("Telegram: bot API for 40 users", "Telegram: bot API for 40 users"),
    ],
)
def test_behind_a_service_an_account_goes_whole_and_other_text_stays(
    resume: str, shown: str
) -> None:
    assert _shown(resume) == shown


def test_without_details_the_words_behind_a_service_go_as_ever() -> None:
    assert redact("GitLab: CI/CD", None, None) == "[link]"
