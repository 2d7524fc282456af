"""Finds a candidate's names in the fields of a record, whatever the spelling of the fields.

Redaction needs every name that a file gives: `firstName` and `Full Name`, `Doe, Jane`,
`{"name": {"given": ..}}`, a maiden name beside the family name. Fields at the top are taken out of
the record; fields of inner objects are only read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from aris_pipeline.candidates.json_values import parse_json
from aris_pipeline.candidates.literals import printed_value
from aris_pipeline.candidates.placeholders import is_no_name

Role = Literal["given", "family", "full", "other"]

_SEPARATORS = re.compile(r"[\W_]+")
_WHOSE = re.compile(
    r"(?:candidates?|applicants?|contacts?|persons?|personal|employees?|users?|profiles?|members?"
    r"|legal|official|basics|student|talent|lead|prospect|the|your|my)+"
)
_LOGIN = "username"
_MAY_BE_TEXT = ("candidate", "applicant")
"""Columns that hold a name in one export and a whole profile in another."""
_MOST_WORDS = 5
_SPELLINGS: Mapping[Role, tuple[str, ...]] = {
    "given": (
        *("firstname", "firstnames", "fname", "givenname", "givennames", "forename", "forenames"),
        *(
            "namefirst",
            "namegiven",
            "vorname",
            "vornamen",
            "prénom",
            "prenom",
            "prénoms",
            "prenoms",
        ),
        *("nombre", "nombres", "voornaam", "имя", "名"),
    ),
    "family": (
        *("lastname", "lastnames", "lname", "surname", "surnames", "familyname", "familynames"),
        *("namelast", "namefamily", "nachname", "familienname", "nom", "nomdefamille", "apellido"),
        *("apellidos", "cognome", "sobrenome", "achternaam", "фамилия", "姓", "성"),
    ),
    "full": (
        *("name", "fullname", "displayname", "formattedname", "completename", "realname"),
        *("namefull", "nameofcandidate", "nameofapplicant", "nombrecompleto", "nomcomplet", "nome"),
        *("nomecompleto", "naam", "namn", "navn", "kandidat", "kandidatin", "jméno", "imię"),
        *("nimi", "isim", "adsoyad", "họtên", "họvàtên", "ชื่อ", "ชื่อสกุล", "नाम", "names"),
        *("фио", "姓名", "名字", "氏名", "名前", "お名前", "이름", "성명"),
        *("候选人", "候选人姓名", "候選人姓名", "应聘者姓名", "求职者姓名", "지원자명", "지원자"),
        *_MAY_BE_TEXT,
    ),
    "other": (
        *("middlename", "middlenames", "middleinitial", "mname", "namemiddle", "maidenname"),
        *("birthname", "geburtsname", "nickname", "nicknames", "preferredname", "knownas", "alias"),
        *("preferredfirstname", "preferredlastname", "formername", "formernames", "previousname"),
        *("othername", "othernames", "additionalname", "alternatename", "secondname", "patronymic"),
        *("отчество", "nativename", "localname", "englishname", "chinesename", "romanizedname"),
        *("pinyin", "namekana", "kana", "furigana", "フリガナ", "ふりがな", "fathername"),
        *("fathersname", "mothername", "mothersname", "spousename"),
    ),
}
_ROLES = {spelling: role for role, spellings in _SPELLINGS.items() for spelling in spellings}
_ONLY_IN_A_NAME: Mapping[str, Role] = {
    **dict.fromkeys(("first", "given"), "given"),
    **dict.fromkeys(("last", "family"), "family"),
    **dict.fromkeys(("full", "formatted", "display"), "full"),
    **dict.fromkeys(("middle", "maiden", "nick", "preferred"), "other"),
}
_ONLY_OF_A_PERSON = {
    "name",
    "names",
    "alias",
    "nom",
    "nome",
    "nombre",
    "displayname",
    "namn",
    "navn",
}
"""Fields that companies, schools and skills have too: in an inner object they count only beside
fields of a person."""
_PERSONS = {
    *("basics", "person", "candidate", "applicant", "contact", "contactinfo", "contactdetails"),
    *("contactinformation", "personal", "personalinfo", "personaldetails", "personalinformation"),
    *("personaldata", "profile", "about", "bio", "individual", "header", "resume", "cv"),
    *("gemdata", "swarmdata", "cvdata", "identification", "personname", "employee", "user"),
    *("name", "names", "metadata", "extracted", "extracteddata", "entities", "parsed"),
    *("parseddata", "resumedata", "candidatedata"),
}
_SOMEBODY_ELSE = re.compile(
    r"(?:recruiter|manager|owner|referr|refere|employer|company|organi[sz]ation|school|emergency"
    r"|author|creator|createdby|updatedby|interviewer|assignee|agency|supervisor)"
)
_DEEPEST = 5
_FEW = 3
_PLAIN_FIELDS = frozenset(
    {
        *("first_name", "last_name", "title", "company", "location", "work_info"),
        *("education_info", "skills", "resume_text"),
    }
)

_NO_NAMES = {
    *("anonymous", "candidate", "applicant", "redacted", "[redacted]", "confidential", "hidden"),
    *("first name", "last name", "full name", "name", "linkedin member", "no name"),
}
_NUMBERED = {
    *("candidate", "applicant", "person", "user", "employee", "member", "student", "profile"),
    *("resume", "cv", "test user", "talent", "id", "no", "anonymous", "worker", "participant"),
}
"""Words that form a stand-in for a name together with a number: `Candidate 17`."""
_NUMBER = re.compile(r"[\s#_:.-]*\d+$")
_PRONOUNS = re.compile(r"(?:she|he|they|her|him|them|any|ze)\b", re.IGNORECASE)
_INSERTED = re.compile(r"\(([^()]*)\)|[\"\u201c\u201e]([^\"\u201c\u201d\u201e]+)[\"\u201c\u201d]")
_HONORIFIC = re.compile(
    r"(?:(?:dr|prof|mr|mrs|ms|miss|mx|sir|herr|frau|mme|ing|shri|smt)\b\.?\s+)+(?=\S)",
    re.IGNORECASE,
)
_CREDENTIALS = {
    *("phd", "md", "mba", "msc", "bsc", "ms", "bs", "ba", "ma", "meng", "beng", "btech", "mtech"),
    *("pmp", "cpa", "cfa", "cissp", "csm", "pe", "rn", "jd", "llm", "esq", "jr", "sr", "ii", "iii"),
    *("iv", "mca", "bca", "phr", "sphr", "shrm-cp", "shrm-scp", "dds", "pharmd", "edd", "mph"),
}
_LONGEST_CREDENTIAL = 8
_EAST_ASIAN = re.compile(r"[\u3005-\u3007\u3040-\u9fff\uac00-\ud7af]+")
_WORD = re.compile(r"[^\W\d_]+")


@dataclass
class Names:
    """The names of one person.

    Attributes:
        first: the given name.
        last: the family name.
        others: middle, maiden and nicknames, and full names with more than first and last name.
    """

    first: str | None = None
    last: str | None = None
    others: list[str] = field(default_factory=list)


def name_role(key: str) -> Role | None:
    """Returns which part of a person's name a field or column holds, by its spelling."""
    spelling = _spelling(key)
    return None if spelling is None or spelling.place == "name" else spelling.role


def with_names(fields: Mapping[str, Any], *elsewhere: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns a profile's fields with `first_name`, `last_name` and `other_names`.

    Args:
        fields: the fields of the profile; those that hold a name are replaced.
        elsewhere: further parts of the record, which may hold names too.
    """
    beside = _Found()
    for part in elsewhere:
        beside.look_at(part)
    if beside.is_empty and _are_plain(fields):
        return fields
    found = _Found()
    named = found.look_at(fields)
    names = found.names(beside)
    rest = {key: value for key, value in fields.items() if key not in named}
    known = {"first_name": names.first, "last_name": names.last, "other_names": names.others}
    for key, name in known.items():
        if name:
            if isinstance(rest.get(key), dict | list):
                rest[f"{key}_as_given"] = rest[key]  # it holds more than the name
            rest[key] = name
    return rest


def _are_plain(fields: Mapping[str, Any]) -> bool:
    """Returns whether a record has only fields of a profile and no others that may hold names."""
    if not fields.keys() <= _PLAIN_FIELDS:
        return False
    names = fields.get("first_name"), fields.get("last_name")
    return all(name is None or (isinstance(name, str) and _is_name(name)) for name in names)


def split_name(text: str) -> Names:
    """Splits a full name: `Jane Roe`, `Roe, Jane`, `Dr. Jane (Jo) Roe, PhD`."""
    inserted = [first or second for first, second in _INSERTED.findall(text)]
    bare = " ".join(_INSERTED.sub(" ", text).split()).strip(" ,;")
    honorific = _HONORIFIC.match(bare)
    head, *tail = bare[honorific.end() if honorific else 0 :].split(",")
    head = _without_credentials(head.strip())
    given = [part.strip() for part in tail if part.strip() and not _is_credential(part, head)]
    if given:
        first, last = " ".join(given), head
    else:
        first, _, last = head.partition(" ")
        if _EAST_ASIAN.fullmatch(head.replace(" ", "")):
            first, last = (last, first) if last else (first, last)
    others = [name.strip() for name in inserted if _is_nickname(name)]
    if honorific:
        others.append(f"{honorific[0]}{head}")
    return Names(first or None, last or None, others)


class _Found:
    """The names found so far by their role, in the order of the record."""

    def __init__(self) -> None:
        self._values: dict[Role, list[str]] = {}

    def look_at(self, record: Mapping[str, Any], inside: str = "", depth: int = 0) -> list[str]:
        """Takes the names in the fields of an object, and in the objects inside it.

        Args:
            record: the object.
            inside: the field that holds it; empty at the top.
            depth: the number of levels above it.

        Returns:
            The fields of the object itself that hold a name.
        """
        named = []
        for key, value in record.items():
            if not _may_hold_names(key) and not isinstance(value, dict):
                continue
            spelling = _spelling(key)
            if spelling is not None:
                texts = _texts(value)
                if _plain(key) in _MAY_BE_TEXT and not all(map(_is_short, texts)):
                    texts = []
                if texts and _is_at_home(spelling, record, inside):
                    named.append(key)
                    self._values.setdefault(spelling.role, []).extend(filter(_is_name, texts))
            is_list = isinstance(value, list) and (spelling is not None or _is_person(key))
            inside_it = value[:_FEW] if is_list else [value]
            for one in inside_it if depth < _DEEPEST else ():
                container = _container(key, one) if isinstance(one, dict | str) else None
                if container:
                    self.look_at(container, _plain(key), depth + 1)
        return named

    @property
    def is_empty(self) -> bool:
        """Returns whether there is no name."""
        return not self._values

    def names(self, further: "_Found") -> Names:
        """Returns each name once, followed by the names from another part of the record."""
        for role, values in further._values.items():
            self._values.setdefault(role, []).extend(values)
        given, family = self._values.get("given", []), self._values.get("family", [])
        first, last = given[0] if given else None, family[0] if family else None
        full, other = self._values.get("full", []), self._values.get("other", [])
        if not full and not other and len(given) <= 1 and len(family) <= 1:
            return Names(first, last)
        split = [split_name(text) for text in full]
        if split:
            first, last = _completed(first, last, split[0])
        known = _words(_joined(first, last))
        parts = [name for one in split for name in (*one.others, _joined(one.first, one.last))]
        others = [
            name
            for name in dict.fromkeys(text.strip() for text in (*given, *family, *parts, *other))
            if not _words(name) <= known
        ]
        return Names(first, last, others)


def _completed(first: str | None, last: str | None, full: Names) -> tuple[str | None, str | None]:
    """Completes the first and the last name from a full name."""
    if first is None and last is None:
        return full.first, full.last
    if first and last:
        return first, last
    words = _joined(full.first, full.last)
    known = first or last or ""
    rest = None
    if words.casefold().startswith(known.casefold()):
        rest = words[len(known) :].strip()
    elif words.casefold().endswith(known.casefold()):
        rest = words[: -len(known)].strip()
    return (first or rest or None), (last or rest or None)


class _Spelling(NamedTuple):
    """The meaning of a field by its spelling, and the objects in which it has that meaning."""

    role: Role
    place: Literal["anywhere", "person", "name"]


@lru_cache(maxsize=4096)
def _spelling(key: str) -> _Spelling | None:
    core = _core(key)
    if core not in _ROLES and "(" in key:
        core = _core(key.partition("(")[0])  # Lever: Candidate Name (Opportunity)
    if role := _ROLES.get(core):
        return _Spelling(role, "person" if core in _ONLY_OF_A_PERSON else "anywhere")
    if role := _ONLY_IN_A_NAME.get(core):
        return _Spelling(role, "name")
    return None


def _is_at_home(spelling: _Spelling, record: Mapping[str, Any], inside: str) -> bool:
    if spelling.place == "name":
        together = {"first", "last"} <= {_core(key) for key in record}
        return together or name_role(inside) is not None
    return spelling.place == "anywhere" or not inside or inside in _PERSONS


def _is_person(key: str) -> bool:
    return _plain(key) in _PERSONS


@lru_cache(maxsize=4096)
def _may_hold_names(key: str) -> bool:
    """Returns whether the text or list of a field is searched; an object always is."""
    return _spelling(key) is not None or _is_person(key)


@lru_cache(maxsize=4096)
def _core(key: str) -> str:
    """Returns a key without case, separators and words for the owner of the name."""
    plain = _plain(key)
    if plain in _ROLES or plain == _LOGIN:
        return plain
    whose = _WHOSE.match(plain)
    return (plain[whose.end() :] if whose else "") or plain


@lru_cache(maxsize=4096)
def _plain(key: str) -> str:
    return _SEPARATORS.sub("", key).casefold()


def _texts(value: object) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    return [text for text in texts if isinstance(text, str) and text.strip() and text[0] != "{"]


def _container(key: str, value: object) -> dict[str, Any] | None:
    """Returns the object that a field holds, also as JSON text, if it may be about the person."""
    if isinstance(value, str):
        text = value
        if text[:1] != "{" or not (_spelling(key) or _plain(key) in _PERSONS):
            return None
        try:
            value = parse_json(text)
        except ValueError:
            value = printed_value(text)
    if not isinstance(value, dict) or _SOMEBODY_ELSE.match(_plain(key)):
        return None
    return value


def _is_short(text: str) -> bool:
    return len(text.split()) <= _MOST_WORDS and "\n" not in text.strip()


@lru_cache(maxsize=4096)
def _is_name(text: str) -> bool:
    """Returns whether a text can be a name, and is not a word for an unknown name."""
    plain = " ".join(text.split())
    is_word = bool(_WORD.search(plain)) and not is_no_name(plain)
    numbered = _NUMBER.sub("", plain).strip()
    stands_for_one = numbered != plain and numbered.casefold() in _NUMBERED
    return is_word and not stands_for_one and plain.casefold() not in _NO_NAMES


def _without_credentials(name: str) -> str:
    words = name.split()
    while len(words) > 1 and words[-1].replace(".", "").casefold() in _CREDENTIALS:
        words.pop()
    return " ".join(words)


def _is_credential(part: str, head: str) -> bool:
    part = part.strip()
    if all(word.replace(".", "").casefold() in _CREDENTIALS for word in part.split()):
        return True
    seems_one = part.isupper() and len(part) <= _LONGEST_CREDENTIAL
    return seems_one and " " in head and not head.isupper()


def _is_nickname(inserted: str) -> bool:
    """Returns whether a text in brackets is a name, not a pronoun, credential or remark."""
    is_remark = _PRONOUNS.match(inserted) or _is_credential(inserted, inserted)
    return _is_name(inserted) and not is_remark and not inserted.strip()[0].islower()


def _joined(*names: str | None) -> str:
    return " ".join(name for name in names if name)


def _words(name: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(name)}
