"""Which fields of a file are judged and which are not, and that no text is lost between them."""

import json
import random
import re
from typing import Any

import pytest

from aris_pipeline.candidates import field_names, fields_of_batch
from aris_pipeline.candidates.field_counts import texts_of
from aris_pipeline.errors import InputError
from aris_pipeline.prompts.profiles import profile_text
from aris_pipeline.storage import Batch, FieldText, FieldUse

from .conftest import Desk


def fields_of(desk: Desk, batch: Batch) -> FieldUse:
    """The fields of a batch after validation, which are those that landing saw of a small one."""
    desk.validate(batch)
    fields = fields_of_batch(desk.store, batch)
    assert fields is not None
    assert fields == desk.store.batch(batch.name).fields
    return fields


def test_a_table_says_which_columns_are_judged_and_which_are_not(desk: Desk) -> None:
    text = "id,jobTitle,Resume,Verdict of HR,Score,Email,Applied\n"
    rows = [
        "a,Engineer,Builds engines,Very good,7,a@example.com,2026-01-02",
        "b,,Cooks,,8,b@example.com,",
    ]
    fields = fields_of(desk, desk.land("a.csv", text + "\n".join(rows)))
    assert fields.rows == 2
    assert fields.used == {
        "resume_text": FieldText(characters=19, rows=2),
        "title": FieldText(characters=8, rows=1),
    }
    assert fields.sources == {"resume_text": ["Resume"], "title": ["jobTitle"]}
    assert fields.unused == {"Verdict of HR": FieldText(characters=9, rows=1)}
    assert round(fields.unused_share, 2) == 0.25
    assert str(fields) == (
        "used: resume_text (from Resume), title (from jobTitle); "
        "unused (25% of the text): Verdict of HR (9 characters in 1 row)"
    )


def test_candidates_without_a_name_by_which_to_redact_are_counted(desk: Desk) -> None:
    table = "id,Full Name,Resume\na,Jane Example,Builds engines\nb,,Jo Sample cooks\n"
    assert fields_of(desk, desk.land("a.csv", table)).without_name == 1
    export = {"candidates": [{"aristotleId": "a", "gemData": {"title": "Cook"}}]}
    assert fields_of(desk, desk.land("a.json", json.dumps(export))).without_name == 1
    asked = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
    request = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": asked}
    batch = desk.land("a.jsonl", json.dumps(request))
    desk.validate(batch)
    assert fields_of_batch(desk.store, batch) is None


def test_nested_fields_are_named_by_their_path(desk: Desk) -> None:
    job = {"title": "CTO", "mood": "very good", "team": {"size": 5, "motto": "ship it"}}
    gem = {"work_info": [job, job], "linkedin": "https://example.com/in/ann"}
    record = {"aristotleId": "a", "gemData": gem, "cvData": {"pages": ["one page"]}}
    fields = fields_of(desk, desk.land("a.json", json.dumps({"candidates": [record]})))
    assert fields.unused == {
        "gemData.work_info[].mood": FieldText(characters=18, rows=1),
        "gemData.work_info[].team.motto": FieldText(characters=14, rows=1),
        "cvData.pages[]": FieldText(characters=8, rows=1),
    }


def test_contact_data_and_text_about_others_are_left_out_on_purpose(desk: Desk) -> None:
    record = {
        "id": "a",
        "basics": {"name": "Jane Roe", "summary": "Writes Go.", "address": "Main Street"},
        "references": [{"name": "Max Muster", "reference": "A good colleague"}],
        "gender": "female",
    }
    fields = fields_of(desk, desk.land("a.jsonl", json.dumps(record)))
    assert fields.unused == {}
    assert set(fields.set_aside) == {
        *("basics.name", "basics.address", "gender"),
        *("references[].name", "references[].reference"),
    }


def test_people_who_are_the_keys_of_an_object_are_not_named(desk: Desk) -> None:
    records = [
        {"id": f"c{n}", "title": "CTO", "notes": {f"Jane Roe {n}": "well done", "x@y.org": "ok so"}}
        for n in range(300)
    ]
    batch = desk.land("a.jsonl", "\n".join(map(json.dumps, records)))
    desk.validate(batch)
    fields = fields_of_batch(desk.store, batch)
    assert fields is not None
    assert fields.unused == {"other fields": FieldText(characters=300 * 14, rows=600)}


def test_a_text_field_that_no_record_has_is_refused(desk: Desk) -> None:
    record = {"id": "a", "title": "CTO", "r\u00e9sum\u00e9": "Long text"}
    for name, content in (
        ("a.jsonl", json.dumps(record)),
        ("a.json", json.dumps({"candidates": [record | {"aristotleId": "a"}]})),
    ):
        with pytest.raises(InputError, match=r"no record of .* has the field 'notes'"):
            desk.land(name, content, text_column="notes")
        batch = desk.land(name, content, text_column="r\u00e9sum\u00e9")
        desk.validate(batch)
        assert desk.candidates(batch)[0]["resume_text"] == "Long text"
    assert len(desk.store.batches()) == 2


def test_an_openai_file_takes_no_names_of_columns(desk: Desk) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}]}
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
    with pytest.raises(InputError, match="leave --text-column, --id-column and --columns out"):
        desk.land("a.jsonl", json.dumps(line), text_column="body")


OURS = [
    *("title", "company", "location", "work_info", "education_info", "skills", "resume_text"),
    *("work_start_date", "work_end_date", "is_current", "description", "degree", "school"),
    *("field_of_study", "end_date", "first_name", "last_name"),
]
OTHERS = ["mood", "notes", "Verdict of HR", "x", "extra field", "date", "id_of_it"]
KEYS = [*field_names._ROLES, *field_names._ASIDE, *OTHERS]


class Records:
    """Records of random shape; every text in them is a word of its own."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._packed = self._random.choice([0, 0.1])
        self._count = 0

    def record(self) -> dict[str, Any]:
        return {"headline": self._word(), **self._object(3)}

    def odd_record(self) -> dict[str, Any]:
        """A record with our names, and any value in any of them."""
        names = self._random.sample(OURS, 5)
        odd = {name: self._value(2) for name in names}
        gem = {"resume_text": self._word(), "skills": [self._word()]} | odd
        for name in {"work_info", "education_info"} & odd.keys():
            if self._random.random() < 0.5:
                inner = self._random.sample(OURS, 4)
                gem[name] = [{key: self._value(1) for key in inner} for _ in range(2)]
        packed = self._random.choice([gem, json.dumps(gem), json.dumps(json.dumps(gem)), [gem]])
        return {"summary": self._word(), "gemData": packed}

    def _word(self) -> str:
        self._count += 1
        letters = str(self._count).translate(str.maketrans("0123456789", "abcdefghij"))
        return f"q{letters}z"

    def _object(self, depth: int) -> dict[str, Any]:
        names = self._random.sample(KEYS, self._random.randint(1, 8))
        return {self._spelled(name): self._value(depth) for name in names}

    def _spelled(self, name: str) -> str:
        camel = "".join(part.capitalize() for part in name.split("_"))
        return self._random.choice([name, camel, camel[0].lower() + camel[1:]])

    def _value(self, depth: int) -> Any:
        if depth and self._random.random() < self._packed:
            listed = [self._word(), self._word()]
            inside = self._random.choice([listed, self._object(depth - 1)])
            return json.dumps(inside) if self._random.random() < 0.5 else str(inside)
        return self._unpacked(depth)

    def _unpacked(self, depth: int) -> Any:
        kind = self._random.randrange(9 if depth else 5)
        if kind == 0:
            return self._random.choice([None, True, 7, 2.5, "", "2019-03-01", [], {}])
        if kind in (1, 2, 3):
            return self._word()
        if kind == 4:
            return f"{self._word()} and\n{self._word()}"
        if kind == 5:
            return [self._word(), self._word()]
        if kind == 6:
            return [self._object(depth - 1) for _ in range(self._random.randint(1, 3))]
        return self._object(depth - 1)


def words(value: object) -> set[str]:
    return {word for _, text in texts_of(value) for word in re.findall(r"q[a-j]+z", text)}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["record", "odd_record"])
def test_all_text_is_judged_or_counted_as_unused(desk: Desk, seed: int, kind: str) -> None:
    source = Records(seed)
    records = {f"c{n}": getattr(source, kind)() for n in range(200)}
    lines = "\n".join(json.dumps({"custom_id": name, **one}) for name, one in records.items())
    batch = desk.land("a.jsonl", lines)
    (counts,) = desk.validate(batch)
    characters = 0
    assert counts.rows == 200, str(desk.quarantine(batch))
    for row in desk.candidates(batch):
        left = json.loads(row["extra"] or "{}")
        names = [row["first_name"], row["last_name"], *(row["other_names"] or [])]
        lost = words(records[row["custom_id"]]) - words([profile_text(row), left, names])
        assert not lost, (lost, records[row["custom_id"]])
        characters += sum(len(text) for _, text in texts_of(left))
    fields = counts.fields
    assert sum(
        text.characters for text in [*fields.unused.values(), *fields.set_aside.values()]
    ) == (characters)
