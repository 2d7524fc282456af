"""Records which fields of a file a batch uses, and which not, with the amount of text.

Used and unused text together are all text of the rows that can be judged. Only names of fields are
kept: no value of a candidate is kept here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Self

from pydantic import BaseModel, Field


class FieldText(BaseModel, frozen=True):
    """The amount of text in a field."""

    characters: int = 0
    rows: int = Field(default=0, description="rows in which the field holds text")

    def __add__(self, other: "FieldText") -> "FieldText":
        """Adds the text of further rows."""
        return FieldText(characters=self.characters + other.characters, rows=self.rows + other.rows)


class FieldUse(BaseModel, frozen=True):
    """The text of some rows by field; paths are dotted, `[]` stands for the items of a list."""

    rows: int = Field(default=0, description="rows that were looked at")
    without_name: int = Field(
        default=0, description="of them, rows that give no name by which to redact"
    )
    used: dict[str, FieldText] = Field(
        default_factory=dict, description="by column of raw_candidates"
    )
    sources: dict[str, list[str]] = Field(
        default_factory=dict, description="what the file calls the fields of each used column"
    )
    unused: dict[str, FieldText] = Field(
        default_factory=dict, description="text that is not judged, by path in the record"
    )
    set_aside: dict[str, FieldText] = Field(
        default_factory=dict,
        description="names, contact data, text about others and copies: left out on purpose",
    )
    unread: dict[str, int] = Field(
        default_factory=dict, description="values that could not be read, by path in the profile"
    )

    @property
    def unused_characters(self) -> int:
        """Returns the number of characters that could be judged but are not."""
        return sum(text.characters for text in self.unused.values())

    @property
    def unused_share(self) -> float:
        """Returns the share of the text, without what is set aside, that is not judged."""
        used = sum(text.characters for text in self.used.values())
        return self.unused_characters / max(used + self.unused_characters, 1)

    @classmethod
    def total(cls, parts: Iterable["FieldUse"]) -> Self:
        """Adds up the parts of a batch; the fields with the most text come first."""
        found = list(parts)
        sources = {
            column: dict.fromkeys(names) for one in found for column, names in one.sources.items()
        }
        for one in found:
            for column, names in one.sources.items():
                sources[column] |= dict.fromkeys(names)
        return cls(
            rows=sum(one.rows for one in found),
            without_name=sum(one.without_name for one in found),
            used=_added(one.used for one in found),
            sources={column: list(names) for column, names in sources.items()},
            unused=_added(one.unused for one in found),
            set_aside=_added(one.set_aside for one in found),
            unread=dict(sum((Counter(one.unread) for one in found), Counter()).most_common()),
        )

    def __str__(self) -> str:
        """Describes in one line which text is used and which is not."""
        used = ", ".join(self._in_words(column) for column in self.used) or "nothing"
        unused = _listed(self.unused) or "none"
        aside = f"; left out on purpose: {', '.join(self.set_aside)}" if self.set_aside else ""
        share = f" ({self.unused_share:.0%} of the text)" if self.unused else ""
        odd = f"; not readable: {_counted(self.unread)}" if self.unread else ""
        return f"used: {used}; unused{share}: {unused}{aside}{odd}"

    def _in_words(self, column: str) -> str:
        names = [name for name in self.sources.get(column, []) if name != column]
        return f"{column} (from {', '.join(names)})" if names else column


_SHOWN = 20


def _listed(fields: Mapping[str, FieldText]) -> str:
    shown = [
        f"{name} ({text.characters:,} characters in {text.rows:,} row{'s'[: text.rows != 1]})"
        for name, text in list(fields.items())[:_SHOWN]
    ]
    more = len(fields) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _counted(values: Mapping[str, int]) -> str:
    return ", ".join(
        f"{name} ({count:,} value{'s'[: count != 1]})" for name, count in values.items()
    )


def _added(parts: Iterable[Mapping[str, FieldText]]) -> dict[str, FieldText]:
    total: dict[str, FieldText] = {}
    for part in parts:
        for name, text in part.items():
            total[name] = total.get(name, FieldText()) + text
    return dict(sorted(total.items(), key=lambda item: (-item[1].characters, item[0])))
