"""How verdicts are laid out for a terminal, narrow and wide."""

import io
from collections.abc import Iterable
from typing import Any

import pytest
from rich.console import Console, RenderableType

from aris_pipeline.cli.verdicts import ranking_layout, why_layout
from aris_pipeline.ledger import Why, explain
from aris_pipeline.prompts import load_rubric
from aris_pipeline.storage import Completions, DataStore, Judge, Shard, read_parquet
from aris_pipeline_tests.tables import WITH_EVIDENCE, make_batch, write_table, write_verdicts

JUDGE, BATCH = Judge("aris-swe-v2", "small"), make_batch(3)
LONG = "Wrote the storage engine of a database that four teams rely on, and leads one of them now"


def _drawn(parts: Iterable[RenderableType], width: int) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False, emoji=False, highlight=False)
    for part in parts:
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def _ranking(store: DataStore, width: int, *rows: dict[str, Any], reasons: bool = True) -> str:
    write_verdicts(store, JUDGE, BATCH, WITH_EVIDENCE, *rows)
    ranking = read_parquet(store.candidate_ranking(JUDGE, BATCH.name), hint="").to_dicts()
    return _drawn(ranking_layout(ranking, WITH_EVIDENCE, width, reasons=reasons), width)


def _why(store: DataStore, **row: Any) -> Why:
    write_verdicts(store, JUDGE, BATCH, WITH_EVIDENCE, {"custom_id": "ada", **row})
    return explain(store, BATCH, JUDGE, "ada")


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_every_line_fits_the_terminal_and_nothing_is_cut(store: DataStore, width: int) -> None:
    row = {"custom_id": "ada", "role_reason": LONG, "role_quote": f"{LONG}\n{'x' * 10_000}"}

    ranking = _ranking(store, width, row)
    why = _drawn(why_layout(explain(store, BATCH, JUDGE, "ada"), width), width)

    for text in (ranking, why):
        assert max(map(len, text.splitlines())) <= width
        assert text.count("x") >= 10_000
        assert all(word in text for word in LONG.split())


def test_a_candidate_stands_above_its_reasons_and_their_evidence(store: DataStore) -> None:
    row = {"custom_id": "ada", "role_reason": LONG, "role_evidence": "J1,J2", "score": 2.5}

    narrow = _ranking(store, 80, row).splitlines()

    assert narrow[0] == "   1  ada  Strong Yes  score 2.50 of 4, confidence 60%"
    assert narrow[1] == "      Strong"
    assert narrow[2:4] == [
        "      Education   Great    Solid",
        '                           J1: "Builds"',
    ]
    assert narrow[-3:] == [
        "      Role        Great    Wrote the storage engine of a database that four",
        "                           teams rely on, and leads one of them now",
        '                           J1,J2: "Builds"',
    ]


def test_on_a_wide_terminal_evidence_stands_beside_the_reason(store: DataStore) -> None:
    wide = _ranking(store, 200, {"custom_id": "ada"}, {"custom_id": "bob", "role_reason": LONG})

    columns = {line.index("J1:") for line in wide.splitlines() if "J1:" in line}
    assert len(columns) == 1
    assert "Solid" in next(line for line in wide.splitlines() if "J1:" in line)


def test_what_a_person_should_look_at_is_said_at_the_row(store: DataStore) -> None:
    noted = {
        "ungrounded": ["Stanford"],
        "contradictions": ["years"],
        "review_reasons": ["contradicts", "not grounded", "shortened"],
    }

    said = _ranking(store, 300, {"custom_id": "ada", **noted}, {"custom_id": "bob"}, reasons=False)

    assert [line for line in said.splitlines() if line.startswith("      !")] == [
        "      ! contradicts: a reason gives other years of experience than the dates of the jobs",
        "      ! not grounded: the profile does not have Stanford",
        "      ! shortened: the model saw a shortened text",
    ]


def test_a_newline_in_an_answer_cannot_pass_for_another_candidate(store: DataStore) -> None:
    forged = "Good\n   2  eve  Strong Yes  score 4.00 of 4"

    said = _ranking(store, 80, {"custom_id": forged, "overall_reason": forged})

    assert not [line for line in said.splitlines() if line.startswith("   2")]


def test_a_line_that_the_profile_does_not_have_is_no_evidence(store: DataStore) -> None:
    rows = {"role_evidence": "J9", "role_quote": None, "company_evidence": "-"}

    said = _ranking(store, 80, {"custom_id": "ada", "company_quote": None, **rows})

    assert "J9: the profile has no such line" in said
    assert "no evidence" in said


def test_why_says_all_that_a_verdict_rests_on_in_words(store: DataStore) -> None:
    answer = {"custom_id": "ada", "request_key": "k0", "attempt": 2}
    overrides = {"overrides": '{"longer": {"max_tokens": 800}}'}
    write_table(store.completions(JUDGE, Shard.all_of(BATCH)[0]), Completions, answer | overrides)
    why = _why(
        store,
        score_recommendation="Maybe",
        grounding="ungrounded",
        ungrounded=["Stanford", "2011"],
        contradictions=["all_great_but_no", "role_evidence", "years"],
        years_experience=7.25,
        years_latest_job=2.0,
        jobs=3,
        gap_years=0.5,
        redaction="patterns",
        shortened=True,
    )

    said = " ".join(_drawn(why_layout(why, 100), 100).split())

    for part in (
        "ada, export.json in batch 2026-11-21_export, judged by aris-swe-v2 and small",
        "Verdict Strong Yes, rank 1 of 1 Strong",
        "Score 3.00 of 4, confidence 60%",
        "The likeliest verdict is Maybe: answer and probabilities disagree.",
        "Strong Yes 20%, Yes 20%, Maybe 20%, No 20%, Strong No 20%",
        "is software engineer: yes",
        'Role Great Solid J1: "Builds"',
        "the profile does not have what the reasons name: Stanford, 2011",
        "the answer says Education: Great, Companies: Great",
        "Role: the evidence names a line that the profile does not have",
        "a reason gives other years of experience than the dates of the jobs",
        "3 jobs, 7.2 years of work, 2.0 in the latest job, 0.5 between jobs",
        "was shortened to fit the context; names were only looked for in the text",
        "attempt 2, repaired: asked again with more room",
        "acme/small, revision 1",
        f"aris-swe-v2, digest {WITH_EVIDENCE.digest}",
        "fake-1",
    ):
        assert part in said
    assert "{" not in said


def test_why_says_why_there_is_no_verdict(store: DataStore) -> None:
    failed = {"is_valid": False, "invalid_reason": "truncated", "invalid_detail": "400 tokens"}

    said = _drawn(why_layout(_why(store, **failed, recommendation=None), 80), 80)

    assert "Verdict         none: truncated\n                400 tokens\n" in said
    assert "Education" not in said


def test_why_of_a_rubric_without_evidence_says_that_nothing_was_checked(store: DataStore) -> None:
    rubric, judge = load_rubric("aris-swe-v1"), Judge("aris-swe-v1", "small")
    write_verdicts(store, judge, BATCH, rubric, {"custom_id": "ada"})

    said = _drawn(why_layout(explain(store, BATCH, judge, "ada"), 80), 80)

    assert "aris-swe-v1 asks for no evidence that could be checked" in said
    assert "Grounding" not in said


def test_a_refused_row_is_not_sent_to_the_command_that_shows_it(store: DataStore) -> None:
    refused = {"invalid_reason": "refused", "invalid_detail": "no such adapter"}
    why = _why(store, is_valid=False, recommendation=None, **refused)

    said = " ".join(_drawn(why_layout(why, 120), 120).split())

    assert "none: refused no such adapter" in said
    assert "Remedy correct what the engine's message names, then run the same file again" in said
