"""What the explanation of a verdict says to its candidate."""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aris_pipeline.audit import append_verdicts
from aris_pipeline.errors import ConfigError
from aris_pipeline.evaluations.evaluating import RUBRIC_KEY
from aris_pipeline.labels import import_decisions, read_population
from aris_pipeline.reports import explanation_of, write_explanation
from aris_pipeline.storage import Labels, Prompts, Shard, write_bytes, write_parquet
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.reading_pages import ReadPage, read_page
from aris_pipeline_tests.tables import DAY, write_table
from aris_pipeline_tests.unit.reports.conftest import Judged, Judging

HOSTILE = "<script>alert(1)</script></bdi></section><img src=x onerror=alert(2)>{{ 7 * 7 }}\u202e"
ANN = {"custom_id": "ann", "request_key": "k0"}
BOB = {"custom_id": "bob", "request_key": "k1", "overall_reason": "only of bob"}


@pytest.fixture
def asked(judged: Judging) -> Judged:
    """Ann and Bob, judged and logged; Ann's name was replaced twice."""
    made = judged({**ANN, "review_reasons": [], "score": 2.25}, dict(BOB))
    ask(made)
    return made


def ask(made: Judged, profile: str = "T Title: Engineer at [name]", **ann: Any) -> None:
    """Writes the prompts, and logs the verdicts."""
    (shard,) = Shard.all_of(made.batch)
    prompts = [
        {
            "custom_id": who,
            "messages": json.dumps(
                [{"role": "user", "content": f"Judge.\n<profile>\n{text}\n</profile>"}]
            ),
            "redaction": "fields",
            "redacted": '{"name": 2, "email": 1}',
        }
        for who, text in (("ann", profile), ("bob", "T Title: Baker"))
    ]
    prompts[0] |= ann
    write_table(made.store.prompts(made.judge, shard), Prompts, *prompts)
    append_verdicts(made.store, made.judge, made.batch)


def page_for(made: Judged, who: str, folder: Path) -> ReadPage:
    found = explanation_of(made.store, made.batch, made.judge, who)
    write_explanation(found, folder / "why.html")
    return read_page(folder / "why.html")


def test_the_page_has_data_ratings_score_versions_and_the_log(
    asked: Judged, tmp_path: Path
) -> None:
    page = page_for(asked, "ann", tmp_path)

    says = page.sections
    assert "The recommendation is Yes" in says["verdict"]
    assert "T Title: Engineer at [name]" in says["used"]
    assert "Names" in says["redacted"]
    assert "replaced 2 times" in says["redacted"]
    assert 'Evidence: "BSc, Physics"' in says["criteria"]
    assert "a degree" in says["criteria"]
    assert "score is 2.25" in says["score"]
    assert "all names, years and figures of the reasons are in the text" in says["checks"]
    assert "No decision of a person" in says["people"]
    assert "acme/small, revision 1" in says["versions"]
    assert "evaluated, Yes, score 2.25" in says["log"]
    assert "It is not a decision" in says["not"]


def test_an_old_verdict_is_not_said_to_have_no_reason_to_look_at_it(
    asked: Judged, tmp_path: Path
) -> None:
    evaluations = asked.store.evaluations(asked.judge, Shard.all_of(asked.batch)[0])
    rubric = pl.read_parquet_metadata(evaluations)[RUBRIC_KEY]
    old = pl.read_parquet(evaluations).drop("review_reasons")
    old.write_parquet(evaluations, metadata={RUBRIC_KEY: rubric})

    checks = page_for(asked, "ann", tmp_path).sections["checks"]
    assert "not known: the program did not look for any then" in checks


def test_the_page_has_nothing_of_another_candidate_and_loads_nothing(
    asked: Judged, tmp_path: Path
) -> None:
    page = page_for(asked, "ann", tmp_path)

    text = (tmp_path / "why.html").read_text()
    assert not re.search("bob|Baker", text)
    assert "script" not in page.elements
    assert page.policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "script-src" not in page.policy
    assert all(one.startswith(("#", "data:")) for one in page.addresses)


def test_hostile_text_stays_text(judged: Judging, tmp_path: Path) -> None:
    honest = judged({**ANN})
    expected = page_for(honest, "ann", tmp_path).elements
    made = judged({**ANN, "overall_reason": HOSTILE, "education_quote": HOSTILE})
    ask(made, profile=HOSTILE)

    page = page_for(made, "ann", tmp_path)

    assert set(page.elements) <= {*expected, "blockquote"}
    assert "49" not in page.sections["verdict"]
    assert "<script>alert(1)" in page.sections["verdict"]
    assert "<script>alert(1)" in page.sections["used"]


def test_people_who_decided_are_named_and_people_who_labeled_are_not(
    asked: Judged, tmp_path: Path
) -> None:
    write_bytes(asked.batch.model_dump_json().encode(), asked.store.batch_file(asked.batch.name))
    file = tmp_path / "decisions.csv"
    file.write_text("custom_id,decision,reason\nann,hold,met at a fair\nbob,reject,too far\n")
    population = read_population(asked.store, asked.judge, asked.batch)
    import_decisions(asked.store, population, file, "Ada")
    label = {
        "batch": asked.batch.name, "criterion": "recommendation", "label": "Maybe",
        "rater": "Grace", "labelled_at": DAY, "sample_id": "s", "stratum": "top", "weight": 1.0,
    }  # fmt: skip
    rows = [{"custom_id": "ann", "request_key": "k0", **label}]
    write_parquet(pl.DataFrame(rows), asked.store.labels(asked.batch.name) / "1.parquet", Labels)

    says = page_for(asked, "ann", tmp_path).sections["people"]

    assert "Ada" in says
    assert "hold" in says
    assert "met at a fair" in says
    assert "recommendation: Maybe" in says
    assert not re.search("Grace|too far", says)


@pytest.mark.parametrize(
    ("reason", "says"),
    [("truncated", "There is no verdict about you: "), ("triaged", "gave you a score only")],
)
def test_a_candidate_without_a_verdict_is_told_why(
    judged: Judging, tmp_path: Path, reason: str, says: str
) -> None:
    made = judged(
        {**ANN, "is_valid": False, "invalid_reason": reason, "recommendation": None}, dict(BOB)
    )
    ask(made)

    page = page_for(made, "ann", tmp_path)

    assert says in page.sections["verdict"]
    assert "criteria" not in page.sections
    assert reason in page.sections["log"]


def test_a_text_that_was_written_anew_since_is_not_shown(asked: Judged, tmp_path: Path) -> None:
    ask(asked, request_key="another")

    says = page_for(asked, "ann", tmp_path).sections["used"]

    assert "has been written anew since" in says
    assert "Engineer" not in says


def test_the_command_shows_the_same_words_in_80_columns(asked: Judged, tmp_path: Path) -> None:
    write_bytes(asked.batch.model_dump_json().encode(), asked.store.batch_file(asked.batch.name))
    given = ("explain", asked.batch.name, "ann", "--data-dir", asked.store.root)

    shown = aris(*given)
    wrote = aris(*given, "--out", tmp_path / "why.html", "--json").figures

    assert shown.code == 0
    assert all(len(line) <= 80 for line in shown.stdout.splitlines()[1:])
    page = read_page(tmp_path / "why.html")
    words = " ".join(shown.stdout.split())
    assert page.sections["not"].split("not", 1)[1].strip()[:60] in words
    assert wrote["parts"][0]["facts"]["Reason"] == "a steady career"
    unknown = aris("explain", asked.batch.name, "nobody", "--data-dir", asked.store.root)
    assert (unknown.code, "has no candidate 'nobody'" in unknown.stderr) == (2, True)


def test_requests_without_a_rubric_have_nothing_to_explain(judged: Judging) -> None:
    made = judged({}, by=None)

    with pytest.raises(ConfigError, match="no rubric judges it"):
        explanation_of(made.store, made.batch, made.judge, "c0")


def test_somebody_whose_record_could_not_be_used_is_told_why(
    judged: Judging, tmp_path: Path
) -> None:
    broken = {
        "custom_id": "cy", "rule": "wrong_type", "message": "title is 7, not a text", "line": 3,
        "raw": '{"title": 7}', "file": "export.json",
    }  # fmt: skip
    made = judged({**ANN}, quarantined=(broken,))

    says = page_for(made, "cy", tmp_path).sections

    assert "your record in the file could not be used" in says["verdict"]
    assert "title is 7, not a text" in says["verdict"]
    assert "This is record 3 of export.json" in says["used"]
    assert '{"title": 7}' in says["used"]
    assert "has read a text" not in says["not"]


def test_it_says_who_receives_the_data_and_how_long_they_are_kept_if_the_deployer_does(
    asked: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes(asked.batch.model_dump_json().encode(), asked.store.batch_file(asked.batch.name))
    command = ("explain", asked.batch.name, "ann", "--data-dir", asked.store.root)
    monkeypatch.setenv("ARIS_KEPT", "Four years, then they are erased.")

    once = aris(*command, "--recipients", "Our recruiters, and nobody else.").stdout
    monkeypatch.delenv("ARIS_KEPT")
    never = aris(*command).stdout

    assert "Who receives them\n    Our recruiters, and nobody else.\n" in once
    assert "How long they are kept\n    Four years, then they are erased.\n" in once
    assert "Who receives" not in never
