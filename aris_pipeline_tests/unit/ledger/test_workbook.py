"""Excel workbooks, read back from their XML: what a spreadsheet would show and do."""

import io
import re
import zipfile
from xml.etree import ElementTree

import polars as pl
import pytest

from aris_pipeline.ledger import workbook as module
from aris_pipeline.ledger.workbook import MOST_CHARACTERS, workbook

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"

Cell = tuple[str, str]
"""Excel's type (`inlineStr`, `n`, `b`) and the text of a cell."""


def _xml(content: bytes, sheet: int = 1) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return file.read(f"xl/worksheets/sheet{sheet}.xml").decode()


def _cells(content: bytes, sheet: int = 1) -> list[dict[str, Cell]]:
    """Returns the rows of a sheet by column letter; Excel's escapes of controls are undone."""
    root = ElementTree.fromstring(_xml(content, sheet))
    return [
        {
            cell.attrib["r"].rstrip("0123456789"): (
                cell.attrib.get("t", "n"),
                re.sub("_x([0-9A-F]{4})_", _unescaped, "".join(cell.itertext())),
            )
            for cell in row.iter(f"{_MAIN}c")
        }
        for row in root.iter(f"{_MAIN}row")
    ]


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


HOSTILE = [
    "=HYPERLINK(1)", "{=SUM(1)}", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "http://evil.example",
    "mailto:a@b.example", "internal:Sheet1!A1", "external:c.xlsx", "<f>1</f>", "007", "1e5",
    "\x1b[31m", "_x003D_1", "\N{FULLWIDTH EQUALS SIGN}1",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_is_a_formula_a_link_or_a_number_by_what_its_text_is(text: str) -> None:
    content = workbook(pl.DataFrame({"custom_id": [text], text: [[text]]}), "verdicts")

    header, row = _cells(content)
    assert row["A"] == row["B"] == header["B"] == ("inlineStr", text)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert not re.search("<f[ >]", _xml(content))
        assert "hyperlink" not in _xml(content)
        assert not [
            name for name in file.namelist() if "externalLink" in name or "_rels/sheet" in name
        ]


def test_values_keep_their_kind_and_what_is_not_known_is_empty() -> None:
    frame = pl.DataFrame(
        {
            "custom_id": ["a", "b"],
            "score": [2.5, None],
            "is_valid": [True, False],
            "jobs": [3, 2**60 + 1],
            "contradictions": [["years", "role_copied"], []],
        }
    )

    header, first, second = _cells(workbook(frame, "verdicts"))

    names = {text: letter for letter, (_, text) in header.items()}
    assert first[names["score"]] == ("n", "2.5")
    assert names["score"] not in second
    assert (first[names["is_valid"]], second[names["is_valid"]]) == (("b", "1"), ("b", "0"))
    assert first[names["jobs"]] == ("n", "3")
    assert second[names["jobs"]] == ("inlineStr", str(2**60 + 1)), "Excel would round it"
    assert first[names["contradictions"]] == ("inlineStr", "years, role_copied")


def test_a_score_is_shown_with_three_decimals() -> None:
    xml = _xml(workbook(pl.DataFrame({"custom_id": ["a"], "score": [2.123456]}), "verdicts"))

    assert re.search(r'<c r="B2" s="2"><v>2.123456</v>', xml)


def test_people_find_the_verdict_first_and_the_keys_last() -> None:
    names = ["custom_id", "answer_json", "request_key", "role", "recommendation", "rank"]

    (header,) = _cells(workbook(pl.DataFrame(schema=dict.fromkeys(names, pl.String)), "verdicts"))

    assert [text for _, text in header.values()] == [
        *("rank", "custom_id", "recommendation", "role", "answer_json", "request_key")
    ]


def test_the_header_stays_in_sight_and_filters() -> None:
    frame = pl.DataFrame({"rank": [1, 2], "custom_id": ["a", "b"], "role": ["Great", "x" * 500]})

    xml = _xml(workbook(frame, "verdicts"))

    assert '<pane xSplit="2" ySplit="1" topLeftCell="C2"' in xml
    assert '<autoFilter ref="A1:C3"/>' in xml
    widths = [float(width) for width in re.findall(r'<col [^>]*width="([\d.]+)"', xml)]
    assert widths == sorted(widths)
    assert 8 < widths[0] < widths[-1] < 62, "a long text does not push the others out of sight"


@pytest.mark.parametrize("letter", ["x", "\N{WOMAN}", "=", "\N{WOMAN}x"])
def test_a_text_that_no_cell_holds_is_cut_with_a_mark_and_that_is_said(letter: str) -> None:
    longest, said = letter * 40_000, list[str]()

    _, row = _cells(workbook(pl.DataFrame({"custom_id": ["a"], "r": [longest]}), "v", said.append))

    _, text = row["B"]
    assert text.startswith(letter * 10_000)
    assert text.endswith(f" [cut: {len(longest):,} characters]")
    assert MOST_CHARACTERS - 3 < len(text.encode("utf-16-le")) // 2 <= MOST_CHARACTERS
    (sentence,) = said
    assert "1 texts are longer than the 32,767 characters of an Excel cell" in sentence


def test_a_text_that_just_fits_is_whole_and_nothing_is_said() -> None:
    fits, said = "y" * MOST_CHARACTERS, list[str]()

    _, row = _cells(workbook(pl.DataFrame({"custom_id": [fits]}), "v", said.append))

    assert row["A"] == ("inlineStr", fits)
    assert not said


def test_rows_beyond_a_sheet_go_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 2)

    content = workbook(pl.DataFrame({"custom_id": ["a", "b", "c"]}), "verdicts")

    sheets = [_cells(content, number) for number in (1, 2)]
    assert [[text for _, text in row.values()] for sheet in sheets for row in sheet] == [
        *(["custom_id"], ["a"], ["b"], ["custom_id"], ["c"])
    ]
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert 'name="verdicts 2"' in file.read("xl/workbook.xml").decode()
