"""Nothing of a candidate but the custom_id reaches logs, the terminal or Dagster's own storage.

Every file below is full of marked people, in usable rows and in rows that break every rule. What
the tables hold is theirs to hold; prompts may hold what a person wrote, not who the person is.
"""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from transformers import PreTrainedTokenizerFast

from aris_pipeline.defs import landing
from aris_pipeline.defs.batch_run import BatchRunner
from aris_pipeline.defs.build import build_definitions
from aris_pipeline.defs.instance import open_instance
from aris_pipeline.defs.resources import StoreResource
from aris_pipeline.errors import InputError
from aris_pipeline.models import embedded_model_dir
from aris_pipeline.storage import DataStore
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.fake_engine import FakeEngineResource

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("personal_data")]

MIB = 1024 * 1024
IDENTITY = re.compile(r"zyndra|quaxmoor|farmail|151[ -]?5550", re.IGNORECASE)
"""Names, e-mail addresses, profile links and phone numbers of all people below."""

ANYTHING = re.compile(rf"{IDENTITY.pattern}|farhollow", re.IGNORECASE)
"""These, and what the people wrote."""


@dataclass(frozen=True)
class Person:
    """Somebody whose traces are easily found again."""

    mark: str

    @property
    def first(self) -> str:
        return f"Zyndra{self.mark}"

    @property
    def last(self) -> str:
        return f"Quaxmoor{self.mark}"

    @property
    def email(self) -> str:
        return f"{self.first}.{self.last}@farmail.example".lower()

    @property
    def phone(self) -> str:
        return f"+49 151 5550 {1000 + sum(map(ord, self.mark))}"

    @property
    def link(self) -> str:
        return f"https://www.linkedin.com/in/{self.first}-{self.last}".lower()

    @property
    def wrote(self) -> str:
        return f"Led the Farhollow{self.mark} reactor migration"

    @property
    def resume(self) -> str:
        return (
            f"{self.first} {self.last}, {self.email}, {self.phone}, {self.link}. {self.wrote} at "
            f"Acme; {self.last.upper()} also mentors. Write to {self.first} for more."
        )

    @property
    def profile(self) -> dict[str, Any]:
        """As `gemData` of an Aris export, with contact data wherever exports have it."""
        return {
            "first_name": self.first,
            "last_name": self.last,
            "title": f"Engineer ({self.email})",
            "email": self.email,
            "phone": self.phone,
            "linkedin": self.link,
            "work_info": [
                {"title": "Engineer", "company": "Acme", "description": self.resume},
                {"title": f"Founder, {self.last} GmbH", "link": self.link},
            ],
            "skills": ["Go", self.link, self.wrote],
        }

    @property
    def columns(self) -> dict[str, str]:
        """As a row of a table."""
        return {
            "First Name": self.first,
            "Last Name": self.last,
            "Email": self.email,
            "Phone": self.phone,
            "LinkedIn": self.link,
            "Resume": self.resume,
        }


def bad_profiles(person: Person) -> Iterator[Any]:
    """Values of `gemData` that break a rule."""
    yield person.resume
    yield [person.resume]
    yield {**person.profile, "title": {"of": person.resume}}
    yield {**person.profile, "work_info": person.resume}
    yield {**person.profile, "work_info": [person.resume]}
    yield {**person.profile, "work_info": [{"title": "x", "is_current": person.first}]}
    yield {**person.profile, "skills": {person.email: person.wrote}}
    yield {"first_name": person.first, "last_name": person.last, "email": person.email}
    yield {**person.profile, "resume_text": person.resume * (MIB // len(person.resume) + 1)}


def bad_records(person: Person, id_field: str) -> Iterator[str]:
    """JSON texts that are no usable record, one line each."""
    for number, profile in enumerate(bad_profiles(person)):
        yield json.dumps({id_field: f"{id_field}-bad-{number}", "gemData": profile})
    yield json.dumps({id_field: {"of": person.email}, "gemData": person.profile})
    yield json.dumps({"gemData": person.profile})
    yield json.dumps({id_field: "good", "gemData": Person("Twin").profile})
    yield json.dumps(person.resume)
    yield json.dumps([person.resume])
    text = json.dumps({id_field: f"{id_field}-broken", "gemData": person.profile})
    yield text.replace('"title"', f'"title" {person.first} ', 1)
    yield text.replace("Farhollow", '"Farhollow', 1)


def unusable(person: Person) -> list[str]:
    """Records of which each fails by itself."""
    found = bad_records(person, "aristotleId")
    usable = ('"good"', '{"gemData"', *(f'"aristotleId-bad-{number}"' for number in range(2, 7)))
    return [text for text in found if not any(sign in text for sign in usable)]


def aris_file(folder: Path) -> Path:
    good = json.dumps({"aristotleId": "good", "gemData": Person("Aris").profile})
    records = ",\n".join([good, *bad_records(Person("Bad"), "aristotleId")])
    return written(folder / "export.json", f'{{"metadata": {{}}, "candidates": [{records}]}}')


def jsonl_file(folder: Path) -> Path:
    flat = {"id": "flat", **Person("Flat").profile, "resume_text": Person("Flat").resume}
    named = {"id": "named", "name": "Zyndra Quaxmoor", "resume_text": Person("").resume}
    good = {"id": "good", "gemData": Person("Lines").profile}
    usable = [json.dumps(record) for record in (flat, named, good)]
    return written(
        folder / "records.jsonl",
        "\n".join([*usable, *bad_records(Person("Bad"), "id"), Person("Bad").resume]),
    )


def csv_file(folder: Path) -> Path:
    names = ",".join(["id", *Person("").columns])

    def row(identifier: str, person: Person) -> str:
        return ",".join([identifier, *(f'"{value}"' for value in person.columns.values())])

    bad = Person("Bad")
    rows = [
        row("csv-1", Person("Csv")),
        row("csv-1", bad),
        row("csv-2", bad) + f",{bad.email}",
        bad.resume,
        row("csv-3", bad).replace(bad.wrote, bad.wrote * (MIB // len(bad.wrote) + 1)),
        f'csv-4,"{bad.first} {bad.last},{bad.email}',
        row("csv-5", Person("Rows")),
        row("csv-6", Person("Rest")),
        f"csv-7,{bad.first},{bad.last},{bad.email},,,",
    ]
    return written(folder / "table.csv", "\n".join([names, *rows]))


def full_name_file(folder: Path) -> Path:
    person = Person("Whole")
    columns = ("Name", "E-mail", "Resume")
    cells = (f"{person.first} {person.last}", person.email, person.resume)
    return written(
        folder / "names.csv", ",".join(columns) + "\n" + ",".join(f'"{cell}"' for cell in cells)
    )


def parquet_file(folder: Path) -> Path:
    rows = [
        {"id": "p-1", **Person("Parquet").columns, "work_info": [{"title": "Engineer"}]},
        {"id": "p-1", **Person("Bad").columns, "work_info": None},
        {"id": "p-2", "First Name": "ZyndraBad", "work_info": None},
    ]
    file = folder / "table.parquet"
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file


def openai_file(folder: Path) -> Path:
    person = Person("Chat")
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": person.resume}],
        "user": person.email,
    }
    bodies: list[Any] = [
        body,
        {**body, "temperature": 0.1},
        {**body, "temperature": 0.2},
        {**body, person.email: person.wrote},
        {**body, "temperature": person.resume},
        {**body, "max_tokens": -1, "stop": person.wrote},
        {**body, "seed": 2**70, "metadata": {person.email: person.phone}},
        {**body, "messages": person.resume},
        {**body, "messages": [{"role": person.first, "content": person.resume}]},
        {**body, "messages": [{"role": "user", "content": {person.email: person.wrote}}]},
        {**body, "messages": [{"role": "user", "content": [{"type": person.first}]}]},
        {**body, "chat_template_kwargs": person.resume},
        {**body, "chat_template_kwargs": {"tokenize": person.resume}},
        {**body, "response_format": {"type": person.first}},
        {**body, "response_format": {"type": "json_schema", "json_schema": person.resume}},
        {**body, "tools": [person.resume]},
        person.resume,
        [person.resume],
    ]
    lines: list[Any] = [request(f"r-{number}", body) for number, body in enumerate(bodies)]
    lines += [request("r-0", body), {**request("r", body), "method": person.first}]
    lines += [{**request("r-u", body), "url": person.link}, request({"of": person.email}, body)]
    lines += [request(None, body)]
    lines += [person.resume]
    return written(
        folder / "requests.jsonl",
        "\n".join([*map(json.dumps, lines), f'{{"custom_id": "{person.first}, "body": 1}}']),
    )


def request(custom_id: Any, body: Any) -> dict[str, Any]:
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}


BROKEN: dict[str, Callable[[Person], str | bytes]] = {
    "keys.json": lambda person: json.dumps({person.email: person.profile, person.first: {}}),
    "names.json": lambda person: json.dumps({f"{person.first} {person.last}": {}, "b": {}}),
    "metadata.json": lambda person: f'{{"{person.first}" "{person.email}": 1, "candidates": []}}',
    "text.json": lambda person: person.resume,
    "array.json": lambda person: json.dumps({"candidates": {"of": person.resume}}),
    "nothing.json": lambda person: '{"candidates": [' + ",".join(unusable(person)) + "]}",
    "wrong.json": lambda person: json.dumps(
        {
            "candidates": [
                {"aristotleId": f"c-{number}", "gemData": profile}
                for number, profile in enumerate(
                    [person.resume, [person.resume], {"title": True, "first_name": person.first}]
                )
            ]
        }
    ),
    "nothing.jsonl": lambda person: "\n".join([person.resume, *unusable(person)]),
    "no-header.csv": lambda person: f"{person.first} {person.last},Engineer,Berlin\n" * 2,
    "no-header-data.csv": lambda person: f"{person.email},{person.phone},{person.wrote}\n" * 2,
    "no-text.csv": lambda person: f"id,email\n1,{person.email}\n",
    "one-column.csv": lambda person: f"resume\n,,{person.resume}\n",
    "utf-16.csv": lambda person: f"id,Resume\n1,{person.resume}\n".encode("utf-16"),
    "cut.parquet": lambda person: f"PAR1{person.resume}PAR1".encode(),
    "requests.jsonl": lambda person: json.dumps(request("r", {"messages": person.resume})),
}
"""Files that fail as a whole, by name."""


READING = (("verify",), ("status",), ("stale",))
"""Commands that look at all batches."""


def written(file: Path, content: str | bytes) -> Path:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def traces(where: str, content: str, of: re.Pattern[str] = ANYTHING) -> list[str]:
    """Each place in a text where a person shows, with what stands around it."""
    return [
        f"{where}: ...{content[max(0, found.start() - 150) : found.end() + 30]}..."
        for found in of.finditer(content)
    ]


def traces_in_files(folder: Path) -> list[str]:
    """Traces in all files of a data directory but the tables; Dagster's databases as bytes."""
    found = []
    for file in folder.rglob("*"):
        if file.is_file() and file.suffix != ".parquet":
            text = file.read_bytes().decode("utf-8", "replace")
            found += traces(str(file.relative_to(folder)), text)
    return found


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("people")
    writers = (aris_file, jsonl_file, csv_file, full_name_file, parquet_file, openai_file)
    return {file.name: file for file in (write(folder) for write in writers)}


@pytest.fixture(scope="module")
def judged(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """All files through the command line; the data directory, and all that the commands wrote."""
    data = tmp_path_factory.mktemp("judged") / "data"
    refusal = f"this prompt is not allowed: {Person('Refused').resume}"
    said = []
    for command in (("run", *map(str, files.values()), "--min-success", "0"), *READING):
        finished = aris(*command, "--data-dir", data, "--json", FAKE_REFUSAL=refusal)
        assert finished.code < 2, finished.said
        said.append(f"{finished.stdout}\n{finished.stderr}")
    return data, "\n".join(said)


def test_every_rule_was_broken_by_some_row(judged: tuple[Path, str]) -> None:
    data, _said = judged

    rules = set(pl.read_parquet(data / "quarantine/**/*.parquet")["rule"])
    failures = pl.concat(
        pl.read_parquet(file, columns=["invalid_reason"], hive_partitioning=False)
        for file in data.glob("evaluations/**/*.parquet")
    )

    assert rules == {
        *("malformed_json", "malformed_row", "not_an_object", "missing_id", "duplicate_id"),
        *("over_size", "wrong_type", "invalid_parameter", "no_usable_text"),
    }
    assert {"refused", "unrenderable"} <= set(failures["invalid_reason"])


def test_the_terminal_shows_nothing_of_a_candidate(judged: tuple[Path, str]) -> None:
    """Nor do the logs that Dagster keeps of a run in the UI: they are what a step has printed."""
    _data, said = judged
    assert "materializing evaluations" in said

    assert traces("terminal", said) == []


def test_dagster_stores_nothing_of_a_candidate(judged: tuple[Path, str]) -> None:
    data, _said = judged
    assert list(data.glob(".dagster/history/runs/*.db"))

    assert traces_in_files(data) == []


def test_prompts_hold_what_people_wrote_but_not_who_they_are(judged: tuple[Path, str]) -> None:
    data, _said = judged
    tokenizer = PreTrainedTokenizerFast.from_pretrained(embedded_model_dir())
    files = list(data.glob("prompts/rubric=aris-swe-v1/**/*.parquet"))
    prompts = pl.concat(pl.read_parquet(file, hive_partitioning=False) for file in files)
    texts = {
        row["custom_id"]: row["messages"] + tokenizer.decode(row["prompt_token_ids"])
        for row in prompts.iter_rows(named=True)
    }

    assert sum("Farhollow" in text for text in texts.values()) >= len(files)
    assert [trace for name, text in texts.items() for trace in traces(name, text, IDENTITY)] == []


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> DataStore:
    return DataStore(tmp_path_factory.mktemp("broken") / "data")


@pytest.fixture(scope="module")
def instance(store: DataStore) -> Iterator[dg.DagsterInstance]:
    with open_instance(store.root) as instance:
        yield instance


@pytest.fixture
def shown(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """All that was logged or written to the terminal so far."""
    return lambda: "\n".join([caplog.text, *capfd.readouterr()])


@pytest.mark.parametrize("name", BROKEN)
def test_the_message_about_a_broken_file_quotes_nobody(
    name: str,
    store: DataStore,
    instance: dg.DagsterInstance,
    shown: Callable[[], str],
    tmp_path: Path,
) -> None:
    file = written(tmp_path / name, BROKEN[name](Person("Broken")))
    definitions = build_definitions(engine=FakeEngineResource())
    runner = BatchRunner(definitions, instance, store, {}, say=lambda _text: None)

    with pytest.raises(InputError) as raised:
        runner.run(file, {}, "prompts")

    assert traces("message", f"{raised.value}\n{shown()}") == []
    assert traces_in_files(store.root) == []


def test_a_file_that_the_sensor_lands_leaves_no_trace_either(
    store: DataStore, instance: dg.DagsterInstance
) -> None:
    store.landing.mkdir(parents=True)
    file = aris_file(store.landing)
    os.utime(file, (time.time() - 60, time.time() - 60))
    context = dg.build_sensor_context(
        instance=instance, resources={"store": StoreResource(data_dir=str(store.root))}
    )

    ticked: Any = landing.landing_sensor(context)
    (launched,) = ticked.run_requests
    resources = {"store": {"config": {"data_dir": str(store.root)}}}
    landed = (
        build_definitions()
        .resolve_job_def("land")
        .execute_in_process(
            instance=instance, run_config={**launched.run_config, "resources": resources}
        )
    )
    file.unlink()

    assert landed.success
    assert traces("cursor", ticked.cursor) == []
    assert traces_in_files(store.root) == []
