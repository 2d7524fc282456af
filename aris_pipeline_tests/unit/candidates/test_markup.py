import json
import random
import time

import pytest

from aris_pipeline.candidates.text_repair import may_need_repair, repair_texts

from .conftest import Desk


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            '<div class="section" id="S1"><style>.a{color:red}</style><span>HR&nbsp;MANAGER</span>'
            "<p>Skills&amp;Tools: SAP</p></div>",
            "HR MANAGER\nSkills&Tools: SAP",
        ),
        (
            "<!DOCTYPE html><html><head><script>if (a < b) { go(); }</script></head><body>"
            "<h1>Engineer</h1><ul>\n  <li>Go</li>\n  <li>Rust &lt;3</li></ul></body></html>",
            "Engineer\nGo\nRust <3",
        ),
        ("&lt;p&gt;Builds <b>storage</b>&lt;/p&gt;&lt;ul&gt;&lt;li&gt;Go", "Builds storage\nGo"),
        ("&lt;p&gt;R&amp;amp;D lead&lt;/p&gt;", "R&D lead"),
        ("Engineer<br>Go<br/>Rust<BR />C++", "Engineer\nGo\nRust\nC++"),
        ("<p class=MsoNormal>Lead<o:p></o:p></p>"
         "<!--[if gte mso 9]><xml><w:a>1</w:a></xml><![endif]-->",
         "Lead"),
        ('<a href="https://x.example/?a=1&b=2" title="a > b">Portfolio</a>', "Portfolio"),
        ("<table><tr><td>Go</td><td>5 years</td></tr></table>", "Go 5 years"),
        ("<p>Wrote Map&lt;String, List&lt;Long&gt;&gt; and std::vector<int></p>",
         "Wrote Map<String, List<Long>> and std::vector<int>"),
        ("<p>Cut here <span class='x", "Cut here"),
        ("<p>Engineer</p><style>never closed, Go", "Engineer\nnever closed, Go"),
    ],
)  # fmt: skip
def test_html_is_shown_as_a_browser_would(text: str, shown: str) -> None:
    assert repair_texts(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "a < b and c > d, 5<10, <10 ms",
        "C++ <vector>, #include <map>, List<String>, Array<T>, <profile>",
        "semantic HTML such as <header>, <nav> and <p>",
        "x <- 3; y <= 4; <jane@example.com>",
    ],
)
def test_a_text_without_html_keeps_its_signs(text: str) -> None:
    assert repair_texts(text) == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (r"b'Engineer\nCaf\xc3\xa9 \xe2\x80\xa2 Go\t5 years'", "Engineer\nCafé • Go\t5 years"),
        (r'b"Jane\'s resume\r\nGo"', "Jane's resume\nGo"),
        (r"b'cut off \xe2\x80\xa2 Go \xe2", "cut off • Go â"),
        ("b'<p>HR &amp; Payroll</p>'", "HR & Payroll"),
        (r"Engineer\nGo, Rust\r\n\tSenior\\nLead", "Engineer\nGo, Rust\n\tSenior\nLead"),
        (r"Caf\u00e9 \ud83d\ude80 \u2022 Go", "Café \U0001f680 • Go"),
    ],
)
def test_printed_bytes_and_escapes_are_read(text: str, meant: str) -> None:
    assert repair_texts(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        r"Saved in C:\new\Notes and \\server\tools",
        r"Solved $\nabla \nu = 0$ in LaTeX",
        "Line\nand a regex \\n\nof three\nlines",
        "b'tree and B'nai",
        "plan b'",
    ],
)
def test_a_text_that_only_looks_printed_stays(text: str) -> None:
    assert repair_texts(text) == text


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit", ["<p ", "<p =", "<!--", "<style>", "<p '", '<p "', "<", "</p", "\\n", "b'", "&lt;"]
)
def test_hostile_markup_takes_no_quadratic_time(unit: str) -> None:
    text = "<p>x</p>" + unit * (200_000 // len(unit))
    started = time.process_time()
    repair_texts(text)
    assert time.process_time() - started < 5


def test_a_row_that_is_only_markup_has_no_usable_text(desk: Desk) -> None:
    batch = desk.land(
        "a.csv", 'id,Resume\n1,<div><br/></div>\n2,"<p>Engineer, C++ &lt;vector></p>"'
    )
    desk.validate(batch)
    assert [row["rule"] for row in desk.quarantine(batch)] == ["no_usable_text"]
    (row,) = desk.candidates(batch)
    assert (row["resume_text"], row["repaired"]) == ("Engineer, C++ <vector>", True)


CODE_PAGES = ("latin-1", "cp1252", "cp1251", "cp1250", "cp1253", "iso-8859-2", "macroman", "cp437")
SCRIPTS = (
    "schön naïve à Åland",
    "Łódź Dvořák",
    "“quoted” — …",
    "Привет",
    "Ελλάδα",
    "日本語 ﬁn",
)


def test_every_record_with_a_text_that_repair_changes_is_looked_through() -> None:
    drawn = random.Random(7)
    misread = {
        text.encode().decode(page, "replace").replace("\xa0", space)
        for text in SCRIPTS
        for page in CODE_PAGES
        for space in ("\xa0", " ")
    }
    letters = [*map(chr, range(0xA0, 0x180)), *"\u2019€™œŠŸ\x85\u206a\ufeff\ufffd", *"abc de" * 30]
    noise = {"".join(drawn.choices(letters, k=6)) for _ in range(20_000)}
    missed = [
        text
        for text in misread | noise
        if repair_texts(text) != text and not may_need_repair(json.dumps(text, ensure_ascii=False))
    ]
    assert missed == []
    assert not may_need_repair('{"name": "Sales & Marketing, Zoë Müller, 李娜, يوسف"}')
