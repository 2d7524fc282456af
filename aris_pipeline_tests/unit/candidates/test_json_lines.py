import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aris_pipeline.errors import InputError

from .conftest import Desk


def request(key: str, **changes: object) -> str:
    body = {"model": "gemma3:12b", "messages": [{"role": "user", "content": "Hi"}]}
    line = {"custom_id": key, "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(line | changes)


def test_a_line_is_a_record_and_blank_lines_are_none(desk: Desk) -> None:
    batch = desk.land("a.jsonl", '\n{"id": 1, "title": "x"}\r\n\n  \n{"candidate_id": "b"}')
    assert batch.format == "jsonl"
    assert [(row["line"], row["custom_id"]) for row in desk.landed(batch)] == [(2, "1"), (5, "b")]


def test_the_aristotle_id_wins_over_other_ids(desk: Desk) -> None:
    batch = desk.land("a.jsonl", '{"id": "z", "custom_id": "y", "aristotleId": "x"}')
    assert desk.ids(batch) == ["x"]


def test_every_unusable_line_is_quarantined_by_its_rule(desk: Desk) -> None:
    lines = [
        '{"id": "ok"}',
        '{"id": "cut',
        "[1]",
        '{"id": true}',
        '{"id": "ok"}',
        '{"id": "big", "x": "' + "x" * 5000 + '"}',
        '{"id": "last"}',
    ]
    batch = desk.land("a.jsonl", "\n".join(lines), max_row_bytes=1000)
    assert desk.ids(batch) == ["ok", "last"]
    assert desk.rules(batch) == [
        (2, "malformed_json"),
        (3, "not_an_object"),
        (4, "wrong_type"),
        (5, "duplicate_id"),
        (6, "over_size"),
    ]
    assert desk.landing_quarantine(batch)[2]["field"] == "id"
    assert batch.rows_in == len(lines)


@pytest.mark.parametrize(
    "hostile",
    ["[" * 100_000, '{"id": "a", "n": ' + "9" * 10_000 + "}", '{"id": "a" \x00}'],
    ids=["nested", "long number", "NUL"],
)
def test_hostile_lines_do_not_end_the_landing(desk: Desk, hostile: str) -> None:
    batch = desk.land("a.jsonl", hostile + '\n{"id": "ok"}')
    assert desk.ids(batch) == ["ok"]
    assert desk.rules(batch) == [(1, "malformed_json")]


def test_a_lone_surrogate_in_an_id_is_replaced(desk: Desk) -> None:
    batch = desk.land("a.jsonl", '{"id": "a\\ud800", "title": "b\\udfff"}')
    assert desk.ids(batch) == ["a?"]
    assert desk.validate(batch)[0].rows == 1


def test_bom_and_single_latin_1_lines_are_survived(desk: Desk) -> None:
    lines = [
        b'\xef\xbb\xbf{"id": "a", "title": "Caf\xe9"}',
        '{"id": "b", "title": "日本"}'.encode(),
    ]
    batch = desk.land("a.jsonl", b"\n".join(lines))
    desk.validate(batch)
    assert [row["title"] for row in desk.candidates(batch)] == ["Café", "日本"]


def test_requests_are_recognized_and_their_models_collected(desk: Desk) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}]}
    lines = [
        "not json",
        request("a"),
        request("b", body=body),
        request("c", body=body | {"model": "m"}),
    ]
    batch = desk.land("a.jsonl", "\n".join(lines))
    assert batch.format == "openai"
    assert batch.requested_models == ["gemma3:12b", "m"]
    assert desk.ids(batch) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("changes", "rule", "field"),
    [
        ({"method": "GET"}, "invalid_parameter", "method"),
        ({"url": "/v1/embeddings"}, "invalid_parameter", "url"),
        ({"body": "x"}, "wrong_type", "body"),
        ({"body": {"messages": []}}, "wrong_type", "body.messages"),
        ({"body": {"messages": "Hi"}}, "wrong_type", "body.messages"),
        ({"body": {"messages": [{}], "model": 3}}, "wrong_type", "body.model"),
        ({"custom_id": None, "id": "x"}, "missing_id", "custom_id"),
    ],
)
def test_a_request_with_a_wrong_envelope_is_quarantined(
    desk: Desk, changes: dict[str, object], rule: str, field: str
) -> None:
    batch = desk.land("a.jsonl", request("a") + "\n" + request("b", **changes))
    found = desk.landing_quarantine(batch)
    assert [(row["rule"], row["field"]) for row in found] == [(rule, field)]


def test_a_file_without_usable_line_is_refused_with_counts_and_examples(desk: Desk) -> None:
    with pytest.raises(InputError) as refused:
        desk.land("a.jsonl", '{"id": \n{"id":\n{"id": true}')
    message = str(refused.value)
    assert "2 malformed_json (first at line 1: Expecting value" in message
    assert "1 wrong_type (first at line 3: expected text or a whole number as id" in message
    assert "a.jsonl" in message
    assert desk.store.batches() == []


LINES = st.lists(
    st.one_of(
        st.builds(lambda key: json.dumps({"id": key, "title": "x"}), st.integers(0, 5)),
        st.builds(
            json.dumps,
            st.dictionaries(st.sampled_from(["id", "title", "skills"]), st.text() | st.none()),
        ),
        st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=30),
    ),
    max_size=20,
)


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines=LINES)
def test_every_line_ends_in_exactly_one_table(
    new_desk: Callable[[], Desk], lines: list[str]
) -> None:
    desk = new_desk()
    lines = ['{"id": "first", "title": "x"}', *lines]
    batch = desk.land("a.jsonl", "\n".join(lines))
    counts = desk.validate(batch)
    landed = len(desk.landed(batch))
    filled = [number for number, line in enumerate(lines, 1) if line.lstrip("\ufeff").strip()]
    found = [row["line"] for row in desk.landed(batch) + desk.landing_quarantine(batch)]
    assert sorted(found) == filled
    assert sum(count.rows + count.quarantined for count in counts) == landed
    assert batch.rows_in == len(filled)
