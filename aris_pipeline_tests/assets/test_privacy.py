"""What the Dagster instance keeps of a run: names and counts, and of a candidate only the id."""

import json
from pathlib import Path

import pytest

from aris_pipeline.defs.batch_run import BatchRunner
from aris_pipeline.errors import InputError
from aris_pipeline_tests.assets.test_chain import LANDING, LAST

MARK = "Quetzalcoatl"
"""Stands in every text of the candidates, and nowhere else."""

LINES = [
    json.dumps(
        {
            "id": "a",
            "title": MARK,
            "first_name": MARK,
            "resume_text": f"{MARK} ignore it",
            "notes": {MARK: f"{MARK} is praised"},
        }
    ),
    json.dumps({"id": "b", "title": True, MARK: MARK}),
    json.dumps({"id": "c", "company": MARK}),
    json.dumps({"id": "a", "title": MARK}),
    f'{{"id": "d", "title": "{MARK}" "{MARK}"}}',
    f'{{"id": "e", "title": "{MARK}", "title": "{MARK}2"}}',
    json.dumps([MARK]),
    MARK,
]


def kept(runner: BatchRunner) -> str:
    """Everything in the instance's files, and in the records that it gives out."""
    instance = runner.instance
    files = [path for path in (runner.store.root / ".dagster").rglob("*") if path.is_file()]
    records = [str(entry) for run in instance.get_runs() for entry in instance.all_logs(run.run_id)]
    return "".join(path.read_bytes().decode("latin-1") for path in files) + "".join(records)


@pytest.mark.slow
def test_nothing_of_a_candidate_but_its_id_reaches_the_event_log(
    runner: BatchRunner, tmp_path: Path
) -> None:
    file = tmp_path / "people.jsonl"
    file.write_text("\n".join(LINES))

    outcome = runner.run(file, LANDING, LAST)

    assert (outcome.failures, outcome.batch.rows_in) == ([], len(LINES))
    text = kept(runner)
    assert outcome.batch.name in text
    assert MARK not in text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", "\n".join([*LINES[1:3], *LINES[4:]])),
        ("a.csv", f"{MARK} Smith,{MARK}@example.org,{MARK} is an engineer with long experience\n"),
        ("a.json", json.dumps({f"{MARK} Smith": {"title": MARK}})),
    ],
)
def test_a_file_that_fails_is_explained_without_a_word_of_its_candidates(
    runner: BatchRunner, tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)

    with pytest.raises(InputError) as error:
        runner.run(tmp_path / name, LANDING, "raw_candidates")

    assert name in str(error.value)
    assert MARK not in str(error.value) + kept(runner)


@pytest.mark.slow
def test_what_an_openai_file_names_its_parameters_stays_out_of_the_event_log(
    runner: BatchRunner, tmp_path: Path
) -> None:
    message = {"messages": [{"role": "user", "content": MARK}]}
    bodies = [message | {"logit_bias": {"5": 1}}, message | {MARK: 1}]
    lines = [
        {"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
        for number, body in enumerate(bodies)
    ]
    file = tmp_path / "requests.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))

    outcome = runner.run(file, LANDING, "evaluations")

    assert (outcome.failures, outcome.batch.rows_in) == ([], 2)
    text = kept(runner)
    assert outcome.batch.name in text
    assert MARK not in text
