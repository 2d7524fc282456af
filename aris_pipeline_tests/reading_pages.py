"""Reads a report as a browser would: its text by section, its figures, its rows."""

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any


@dataclass
class ReadPage:
    """What a page holds.

    Attributes:
        elements: the names of all elements, each as often as it occurs.
        addresses: all values of `href` and `src`.
        sections: the visible text of each section, by its id.
        figures: the figures that the page marks, by name.
        data: the JSON of the table of all candidates.
        policy: the content security policy.
    """

    elements: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    sections: dict[str, str] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    policy: str = ""

    def labels(self) -> list[str]:
        """The headings of the table of all candidates."""
        return [column["label"] for column in self.data["columns"]]

    def column(self, label: str) -> list[Any]:
        """A column of the table of all candidates, in words."""
        at = self.labels().index(label)
        options = self.data["columns"][at]["options"]
        values = [row[at] for row in self.data["rows"]]
        match self.data["columns"][at]["kind"]:
            case "choice":
                return [None if value is None else options[value] for value in values]
            case "flags":
                return [[options[flag] for flag in value] for value in values]
            case _:
                return values


def read_page(path: Path) -> ReadPage:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = ReadPage()
        self._section = "head"
        self._figure: str | None = None
        self._is_data = False
        self._is_code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.page.elements.append(tag)
        self.page.addresses += [given[name] for name in ("href", "src") if name in given]
        if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy":
            self.page.policy = given["content"]
        if tag == "section":
            self._section = given["id"]
        if "data-value" in given:
            self.page.figures[given["data-figure"]] = float(given["data-value"])
        elif "data-figure" in given:
            self._figure = given["data-figure"]
        self._is_data = given.get("id") == "data"
        self._is_code = tag in ("script", "style") and not self._is_data

    def handle_data(self, data: str) -> None:
        if self._is_data:
            self.page.data = json.loads(data)
        elif not self._is_code:
            known = self.page.sections.get(self._section, "")
            self.page.sections[self._section] = re.sub(r"\s+", " ", known + data)
        if self._figure:
            self.page.figures[self._figure] = float(data.replace(",", ""))
            self._figure = None

    def handle_endtag(self, tag: str) -> None:
        self._is_data = self._is_code = False
        if tag == "section":
            self._section = "between"
