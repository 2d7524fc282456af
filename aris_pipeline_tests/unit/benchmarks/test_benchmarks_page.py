import re
from pathlib import Path

from aris_pipeline.benchmarks import DecisionSettings, History, write_report
from aris_pipeline.benchmarks.benchmarks_page import build_report
from aris_pipeline_tests.conftest import REPOSITORY
from aris_pipeline_tests.unit.benchmarks.conftest import measured_runs

SETTINGS = DecisionSettings.load()
RUN = "20261101T000000Z-engines"
FAST, SLOW = ("offline", "m"), ("serve", "m")


def history_of(place: Path, **fields: object) -> History:
    history = History(place / "history")
    blocks = {FAST: [(4.0, 10.0), (4.4, 9.0)], SLOW: [(2.0, 20.0), (2.2, 18.0)]}
    history.write_runs(RUN, measured_runs(blocks, **fields))
    return history


def test_the_committed_report_is_what_the_committed_history_gives() -> None:
    report = build_report(History(REPOSITORY / "docs" / "benchmarks"), SETTINGS)

    committed = (REPOSITORY / "BENCHMARKS.md").read_text(encoding="utf-8")
    assert committed == report.text, "run `make benchmarks` and commit what it wrote"
    assert all((REPOSITORY / picture).exists() for picture in report.pictures)


def test_equal_histories_give_equal_reports(tmp_path: Path) -> None:
    history = history_of(tmp_path)
    document, *pictures = write_report(history, SETTINGS, tmp_path)

    again = build_report(history_of(tmp_path), SETTINGS)
    assert build_report(history, SETTINGS) == again
    assert document.read_text(encoding="utf-8") == again.text
    assert [tmp_path / picture for picture in again.pictures] == pictures


def test_pictures_that_are_no_longer_shown_are_removed(tmp_path: Path) -> None:
    (before,) = write_report(history_of(tmp_path), SETTINGS, tmp_path)[1:]
    (after,) = write_report(history_of(tmp_path, req_s=7.0), SETTINGS, tmp_path)[1:]

    assert after.exists()
    assert not before.exists()


def test_the_report_shows_ratios_intervals_the_machine_and_the_decision(tmp_path: Path) -> None:
    text = build_report(history_of(tmp_path), SETTINGS).text

    assert "| `offline m` to `serve m` | 2 | 2 (2 to 2) | 2 (2 to 2) |" in text
    assert "a processor, 2 cores" in text
    assert "offline with m wins." in text
    assert "| throughput | 40% |" in text
    assert "bfloat16; a note" in text


def test_the_newest_decision_comes_first_and_every_run_is_folded_under_its_gist(
    tmp_path: Path,
) -> None:
    history = history_of(tmp_path)
    other = "20261102T000000Z-engines"
    there = {FAST: [(8.0, 5.0)], SLOW: [(9.0, 4.0)]}
    history.write_runs(other, measured_runs(there, run_id=other, host="another machine"))

    text = build_report(history, SETTINGS).text

    shown = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    decisions = re.findall(r"Decision for (.*?)(?:<|$)", text, flags=re.MULTILINE)
    assert sorted(decisions) == ["a processor, 2 cores", "another machine"]
    assert re.findall(r"^## (.*)$", shown, flags=re.MULTILINE) == [
        f"Decision for {decisions[0]}",
        "The customer's six cells",
        "Reported by the customer",
        "All runs, newest first",
    ]
    gists = re.findall(r"<summary>Engines, (.*)</summary>", text)
    assert len(gists) == 2
    assert "another machine" in gists[0]
    assert gists[0].endswith("fastest serve m, 9 req/s")
    assert gists[1].endswith("fastest offline m, 4.2 req/s")


def test_cells_that_nobody_has_run_are_pending_and_the_customers_figures_reported(
    tmp_path: Path,
) -> None:
    text = build_report(History(tmp_path / "none"), SETTINGS).text

    assert text.count("| pending |") == 6
    assert "| vLLM offline, Gemma 3 4B, 100 rows | 26.5 | 45 | 2.22 | 2,491 | 100 % |  |" in text


def test_a_cell_that_was_measured_stays_so_when_another_machine_cannot_run_it(
    tmp_path: Path,
) -> None:
    history = History(tmp_path)
    cell = ("serve", "mistral-7b-instruct-v0.3")
    history.write_runs("r1", measured_runs({cell: [(3.0, 9.0)]}, run_id="r1", suite="seed-ab"))
    history.write_runs(
        "r2",
        measured_runs(
            {cell: [(3.0, 9.0)], ("offline", "qwen2.5-14b-instruct"): [(3.0, 9.0)]},
            run_id="r2", suite="seed-ab", status="does_not_fit", reason="28 GiB",
        ),
    )  # fmt: skip

    text = build_report(history, SETTINGS).text

    assert "| mistral-7b-instruct-v0.3 | serve | measured | 3 | 9 |" in text
    assert "| qwen2.5-14b-instruct | offline | does not fit |  |  |  | 28 GiB |" in text


def test_publishing_copies_runs_to_the_committed_history(tmp_path: Path) -> None:
    source, committed = history_of(tmp_path), History(tmp_path / "committed")

    source.publish(committed)

    assert committed.runs().equals(source.runs())
