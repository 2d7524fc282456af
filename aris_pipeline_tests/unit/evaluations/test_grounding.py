"""Fabrications are caught, and true reasons are not."""

import itertools
import random

from aris_pipeline.evaluations.grounding import (
    ShownProfile,
    claims_of,
    common_words,
    grounding,
)

SCHOOLS = (
    "University of Michigan", "Massachusetts Institute of Technology", "ETH Zürich", "IIT Bombay",
    "Carnegie Mellon University", "TU München", "Universidad de Chile", "Howard University",
    "Georgia Institute of Technology", "Oxford", "Tsinghua University", "Politecnico di Milano",
)  # fmt: skip
EMPLOYERS = (
    "Stripe", "Dropbox", "Booking.com", "Deutsche Bank", "Infosys", "Cisco Systems", "Wayfair",
    "Siemens", "Zalando", "Palantir", "Datadog", "GitLab", "SAP", "Sunrise Retail", "Acme Labs",
)  # fmt: skip
TITLES = ("Software Engineer", "Backend Developer", "Site Reliability Engineer", "Data Engineer")
TRUE = (
    "BS in computer science from {school}, a selective school",
    "{school} graduate with a technical degree",
    "Engineer at {employer} and {other}, both well-known employers",
    "Moved from {other} to {employer} in {year}, promoted once",
    "Hands-on backend work at {employer} since {year}; led a team",
    "Steady growth at {employer}'s platform team",
    "{employer}: strong product company. Five years there",
    "Studied computer science at {school} until {year}",
)


def _profile(drawn: random.Random) -> tuple[str, dict[str, str]]:
    school = drawn.choice(SCHOOLS)
    employer, other = drawn.sample(EMPLOYERS, 2)
    year, title = drawn.randint(2008, 2024), drawn.choice(TITLES)
    text = (
        "Facts: 9 years of work, 2 jobs, latest 3 years, as of 2026\n"
        f"Title: {title} at {employer}\n"
        f"Jobs:\nJ1 Senior {title}, {employer}, {year}-03 to now: built billing in Go for a team\n"
        f"J2 {title}, {other}, 2004-07 to {year}-02: kept a platform running, steady releases\n"
        f"Education:\nE1 BSc Computer Science, {school}\nSkills: Go, Python, Kubernetes"
    )
    return text, {"school": school, "employer": employer, "other": other, "year": str(year)}


def _fabricated(said: dict[str, str], drawn: random.Random, profile: str) -> dict[str, str]:
    kind = drawn.choice(("school", "employer", "year"))
    pool = {"school": SCHOOLS, "employer": EMPLOYERS, "year": [str(y) for y in range(1988, 2003)]}
    absent = [one for one in pool[kind] if one.casefold() not in profile.casefold()]
    return said | {kind: drawn.choice(absent)}


def _missing(reason: str, profile: str, common: frozenset[str]) -> list[str]:
    return ShownProfile(profile).missing(claims_of([reason], common))


def test_five_hundred_fabrications_are_caught_and_true_reasons_pass() -> None:
    drawn = random.Random(3)
    cases = []
    for number in range(500):
        profile, said = _profile(drawn)
        false = _fabricated(said, drawn, profile)
        kind = next(name for name in said if said[name] != false[name])
        form = drawn.choice([form for form in TRUE if f"{{{kind}}}" in form])
        cases.append((profile, TRUE[number % len(TRUE)].format(**said), form.format(**false)))
    texts = [text for case in cases for text in case]
    common = common_words(texts)
    caught = sum(bool(_missing(false, profile, common)) for profile, _, false in cases)
    alarms = [(true, found) for p, true, _ in cases if (found := _missing(true, p, common))]
    assert caught >= 475, f"{caught} of 500"
    assert len(alarms) < 10, alarms[:5]


def test_a_reason_about_another_candidate_is_the_placebo() -> None:
    drawn = random.Random(4)
    profiles = [_profile(drawn) for _ in range(200)]
    common = common_words(text for text, _ in profiles)
    held = sum(
        not _missing(TRUE[2].format(**said), another, common)
        for (_, said), (another, _) in itertools.pairwise(profiles)
    )
    assert held < 10


def test_what_names_nothing_is_neither_grounded_nor_not() -> None:
    common = common_words(["a solid engineer with steady growth"])
    assert claims_of(["Solid engineer. Steady growth, 5 years"], common) == []
    assert grounding([], []) == "nothing_to_check"
    assert grounding(["Stripe"], []) == "grounded"
    assert grounding(["Stripe"], ["Stripe"]) == "ungrounded"


def test_initials_accents_and_possessives_are_found() -> None:
    shown = ShownProfile("E1 BSc, Massachusetts Institute of Technology\nJ1 Engineer, Nestlé, 2019")
    assert shown.missing(["MIT", "Nestle's", "2019"]) == []
    assert shown.missing(["CMU", "Nescafe", "2018"]) == ["CMU", "Nescafe", "2018"]


def test_one_careless_profile_does_not_make_an_employer_a_common_word() -> None:
    reasons = ["Engineer at Google", "Degree from Stanford"]
    careless = "J1 built apple and google apis, wrote the stanford parser"

    common = common_words([careless, "J1 Clerk, Acme", *reasons])

    assert claims_of(reasons, common) == ["Google", "Stanford"]


def test_what_is_made_up_is_not_found_in_the_letters_of_other_words() -> None:
    shown = ShownProfile(
        "S Skills: Spark, Airflow, Postgres, Istio, Bash, MySQL, Node, Yarn, Unix\n"
        "J1 Analyst, Acme, 2019: business intelligence, metadata"
    )

    assert shown.missing(["SAP", "IBM", "NYU", "Intel", "Meta", "9", "MIT", "PhD"]) == [
        "SAP", "IBM", "NYU", "Intel", "Meta", "9", "MIT", "PhD",
    ]  # fmt: skip


def test_the_same_thing_in_other_words_is_found() -> None:
    shown = ShownProfile(
        "S Skills: K8s, Node.js, PostgreSQL, Go, Rust\nE1 Doctor of Philosophy, TU M\xfcnchen"
    )

    assert shown.missing(["Kubernetes", "NodeJS", "Postgres", "Golang", "PhD", "Munich"]) == []


def test_degrees_and_schools_by_their_initials_are_claims() -> None:
    assert claims_of(["PhD from MIT, then an MBA, in January"], frozenset()) == [
        "PhD",
        "MIT",
        "MBA",
    ]
