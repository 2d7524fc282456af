"""Whether what a reason names stands in the profile: names, years and numbers, without a model.

A claim is a capitalized word that is no common word, a year, a share or a large number. A word is
common if more of the shard's profiles and answers write it small than with a capital inside a
sentence, so that `Steady` at the start of a sentence is none and `Stanford` is one, although one
candidate writes `stanford`. Counts of years are compared with the computed ones instead
(`contradictions`).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

Grounding = Literal["grounded", "ungrounded", "nothing_to_check"]
GROUNDINGS: tuple[Grounding, ...] = ("grounded", "ungrounded", "nothing_to_check")

_WORD = re.compile(r"[^\W_](?:[\w&+#]|[.'\u2019/-](?=[^\W_]))*[+#]*")
_SMALL = re.compile(r"(?<![\w.'\u2019/-])[a-z]{2,}(?![\w@])")
_INSIDE = re.compile(r"(?<=[a-z\d,] )[A-Z]\w*")
_LINE = re.compile(r"[A-Z]\d{0,2}")
_SENTENCE = re.compile(r"(?:^|[.;:!?(]\s+)$")
_YEAR = re.compile(r"(?<![\d.,])(?:19[5-9]\d|20\d\d)(?![\d.,]*\d)")
_FIGURE = re.compile(r"(?<![\w.,])[$€£]?(\d[\d.,]*)\s?(%|percent|[kKmMbB]\b|million|users|people)")
_LENGTHS_OF_ACRONYM = frozenset(range(2, 7))
_LEAST_OF_PREFIX, _SHARE_OF_PREFIX = 5, 0.6
_PAUSE = re.compile(r"[,;:|/()\u2022\u00b7]")
_SMALL_BETWEEN = {"of", "the", "and", "for", "in", "at", "de", "la", "für", "und"}
_PARTS = re.compile(r"[-/.'\u2019]")
_ALSO = {
    "phd": ("ph.d", "doctor", "doktor", "dr."),
    "mba": ("business administration",),
    "kubernetes": ("k8s",),
    "k8s": ("kubernetes",),
    "golang": (" go,", " go ", " go\n"),
    "munich": ("munchen",),
    "cologne": ("koln",),
    "vienna": ("wien",),
}
"""What a profile may say instead, in small letters without accents."""
_ABBREVIATIONS = frozenset(Path(__file__).with_name("abbreviations.txt").read_text().split())
_COMMON = frozenset(Path(__file__).with_name("common_words.txt").read_text().split())


def plain(text: str) -> str:
    """Returns a text in small letters without accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def common_words(texts: Iterable[str]) -> frozenset[str]:
    """Returns the words that more texts write small than with a capital inside a sentence."""
    small, capital = Counter[str](), Counter[str]()
    for text in texts:
        small.update(set(_SMALL.findall(text)))
        capital.update({word.lower() for word in _INSIDE.findall(text)})
    return frozenset(word for word, count in small.items() if count > capital[word])


def claims_of(reasons: Sequence[str], common: frozenset[str]) -> list[str]:
    """Returns what reasons name: words, years and figures that a profile must have.

    Args:
        reasons: of one answer.
        common: words that are no names, in small letters.
    """
    found: dict[str, None] = {}
    for reason in reasons:
        found |= dict.fromkeys(_YEAR.findall(reason))
        found |= dict.fromkeys(number.strip(".,") for number, _ in _FIGURE.findall(reason))
        for word in _WORD.finditer(reason):
            if word[0].islower():  # as most words
                continue
            if _is_name(word[0], common, starts=bool(_SENTENCE.search(reason[: word.start()]))):
                found[word[0].rstrip(".'\u2019")] = None
    return list(found)


def _is_name(word: str, common: frozenset[str], *, starts: bool) -> bool:
    if _LINE.fullmatch(word):
        return False
    small = plain(word).removesuffix("'s").removesuffix("\u2019s")
    if small in _ABBREVIATIONS or small in _COMMON:
        return False
    if not word[0].isupper():
        return any(map(str.isupper, word[1:]))
    parts = re.split(r"[-/]", small)
    if all(part in _COMMON or part in common for part in parts):
        return not starts and small not in common and any(map(str.isupper, word[1:]))
    return any(map(str.isalpha, word))


@lru_cache(maxsize=65_536)
def _forms(word: str) -> tuple[str, ...]:
    """Returns a word in small letters, its parts, and these in one; profiles share most words."""
    small = plain(word)
    parts = _PARTS.split(small)
    return small, *parts, "".join(parts)


@dataclass(frozen=True)
class ShownProfile:
    """The text of a profile as the model saw it."""

    text: str

    @cached_property
    def _plain(self) -> str:
        return plain(self.text)

    @cached_property
    def _words(self) -> frozenset[str]:
        words = set(_WORD.findall(self.text))
        return frozenset(form for word in words for form in _forms(word))

    @cached_property
    def _initials(self) -> str:
        """The initials of neighboring capitalized words, a line for each phrase: MIT, CMU."""
        return "\n".join(
            "".join(
                word[0].lower() if word[0].isupper() else " "
                for word in _WORD.findall(phrase)
                if word.lower() not in _SMALL_BETWEEN
            )
            for phrase in _PAUSE.split(self.text.replace("\n", "|"))
        )

    def holds(self, claim: str) -> bool:
        """Whether the profile has what is claimed."""
        small = plain(claim).removesuffix("'s").removesuffix("\u2019s")
        if small in self._words or small.rstrip("s") in self._words or f"{small}s" in self._words:
            return True
        if claim[0].isdigit():
            return bool(re.search(rf"(?<!\d){re.escape(small)}(?!\d)", self._plain))
        if any(other in self._plain for other in _ALSO.get(small, ())):
            return True
        is_acronym = claim.isupper() and {len(claim), len(small)} <= _LENGTHS_OF_ACRONYM
        if is_acronym and small in self._initials:
            return True
        parts = re.split(r"[-/.&]", small)
        if len(parts) > 1:
            return all(part in self._words or part in _COMMON for part in parts if part)
        return "".join(parts) in self._words or self._has_longer(small)

    def _has_longer(self, small: str) -> bool:
        """Whether a word of the profile goes on a little after this: Postgres, PostgreSQL."""
        return len(small) >= _LEAST_OF_PREFIX and any(
            word.startswith(small) and len(small) >= _SHARE_OF_PREFIX * len(word)
            for word in self._words
        )

    def missing(self, claims: Iterable[str]) -> list[str]:
        """Returns the claims that the profile does not have."""
        return [claim for claim in claims if not self.holds(claim)]


def grounding(claims: Sequence[str], missing: Sequence[str]) -> Grounding:
    """Returns what the check of an answer's claims came to."""
    if not claims:
        return "nothing_to_check"
    return "ungrounded" if missing else "grounded"
