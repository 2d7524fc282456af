"""`aris audit impact` as a user meets it."""

from pathlib import Path

import pytest

from aris_pipeline_tests.command import aris
from aris_pipeline_tests.soak.processes import Finished
from aris_pipeline_tests.unit.audit.conftest import Judged, Judging, judged, verdict

__all__ = ["judged"]


@pytest.fixture
def batch(judged: Judging) -> Judged:
    return judged(*(verdict("Yes" if n % 3 else "No", n / 3) for n in range(12)))


def impact(batch: Judged, *options: object) -> Finished:
    file = batch.people(sex=["Female", "Male", "male"] * 4, race=["Asian", "White"] * 6)
    return aris(
        *("audit", "impact", batch.batch.name, "--demographics", file, *options),
        *("--data-dir", batch.store.root),
    )


def test_it_shows_each_table_and_says_where_the_page_is(batch: Judged, tmp_path: Path) -> None:
    out = tmp_path / "impact.html"

    ended = impact(batch, "--out", out)

    assert ended.code == 0, ended.stderr
    assert "recommendation>=Yes, by sex" in ended.stdout
    assert "below four fifths" in ended.stdout
    assert "not a legal opinion and not the independent audit itself" in ended.stdout
    assert f"wrote {out}" in ended.stdout
    assert out.exists()
    assert "the page lacks what --source says" in ended.stderr


def test_json_has_the_rows_with_what_they_say(batch: Judged) -> None:
    ended = impact(
        *(batch, "--selected", "top:50%", "--by", "sex", "--json"),
        *("--source", "a form", "--distributed", "2026-01-05"),
    )

    found = ended.figures
    assert [row["basis"] for row in found["rows"]] == ["score>median"] * 2 + ["top:50%"] * 2
    assert found["assessed"] == 12
    assert Path(found["file"]).name == "impact.html"
    assert found["rows"][-1]["four_fifths"] == "the highest rate"
    assert "lacks" not in ended.stderr


def test_several_batches_are_one_sample_with_a_page_and_no_table(
    judged: Judging, tmp_path: Path
) -> None:
    """The median is that of all; the first tenth is that of each."""
    names = ["2026-01-05_winter", "2026-07-01_summer"]
    good, bad = (
        judged(*(verdict("Yes", score + n / 10) for n in range(10)), name=name)
        for name, score in zip(names, (3.0, 1.0), strict=True)
    )
    file = good.people(sex=["Female", "Male"] * 5)
    command = ("audit", "impact", *names, "--demographics", file, "--selected", "top:10%")
    data = ("--data-dir", good.store.root, "--json")

    refused = aris(*command, *data)
    found = aris(*command, "--out", tmp_path / "year.html", *data).figures

    assert (refused.code, "name its file by --out" in refused.stderr) == (2, True)
    assert (found["batches"], found["assessed"], found["table"]) == (names, 20, None)
    selected = [(row["basis"], row["selected"], row["n"]) for row in found["rows"]]
    assert selected == [("score>median", 5, 10)] * 2 + [("top:10%", 0, 10), ("top:10%", 2, 10)]
    page = (tmp_path / "year.html").read_text()
    assert all(name in page for name in names)
    assert not [*bad.store.root.glob("impact/**/*.parquet")]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--selected", "triage"), "triage has left out no row"),
        (("--by", "age"), "--by age: people.csv has no such column; it has sex, race"),
        (("--exclude-small", " "), "--exclude-small needs a reason"),
        (("--distributed", "soon"), "soon"),
    ],
)
def test_what_cannot_be_done_ends_with_the_reason(
    batch: Judged, options: tuple[str, ...], problem: str
) -> None:
    ended = impact(batch, *options)

    assert ended.code == 2
    assert problem in ended.stderr
    assert "Traceback" not in ended.stderr
