"""Redacts personal details of a résumé besides contact data: birth, age, address, family, origin.

A detail is found by its label (`Date of birth: 4 May 1990`) or by a shape that hardly anything else
has (`12 Oak Street`, `29 years old`). What is said in other words stays.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from aris_pipeline.prompts.rubrics import Detail

_SIGN = r"\s{0,3}[:\uff1a=-]?\s{0,3}"
_END = r"(?=[\n,;|)\u2022]|\.\s|\.$|$)"
_REST = rf"[^\n,;|\u2022]{{1,60}}?{_END}"
_MONTH = r"[^\W\d_]{3,9}\.?"
_DAY = (
    rf"(?:\d{{1,2}}[./ -]\s?\d{{1,2}}[./ -]\s?\d{{2,4}}|\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.)?[\s-](?:of\s)?{_MONTH},?[\s-]\d{{2,4}}"
    rf"|{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?,?\s\d{{4}}|{_MONTH}\s\d{{4}}|\d{{4}})"
)
_COLON = r"\s?[:\uff1a]?\s?"
_BORN = (
    r"date of birth|birth\s?date|birthday|d\.?\s?o\.?\s?b\b\.?|born(?:\son|\sin|:)?|geburtsdatum"
    r"|geboren(?:\sam)?|geb\.|date de naissance|n[ée]e? le|fecha de nacimiento|data di nascita"
    r"|data de nascimento|geboortedatum"
)
_BIRTH = re.compile(
    rf"(?:\b(?:{_BORN})|出生(?:日期|年月)?|生年月日){_SIGN}{_DAY}"
    rf"|\b(?:place of birth|birth\s?place|geburtsort|lieu de naissance){_SIGN}{_REST}",
    re.IGNORECASE,
)
_OF_A_PERSON = (
    r"(?=\s*(?:[\n.,;|)]|$|(?:and|from|with|living|engineer|developer|professional|male|female|man"
    r"|woman)\b))"
)
_AGE = re.compile(
    rf"\b(?:age|aged|alter|[âa]ge|edad|et[àa]|idade){_SIGN}\d{{2}}\b(?!\s?[%+\u2013-])"
    r"(?:\s?(?:years?|yrs?|jahre|ans|años)(?:\sold)?)?"
    rf"|\b(?:1[6-9]|[2-7]\d)[\s-]years?[\s-]old\b{_OF_A_PERSON}|\b[2-7]\d\s?y/?o\b"
    rf"|年[龄齢]{_COLON}\d{{2}}岁?",
    re.IGNORECASE,
)
_KINDS_OF_STREET = (
    "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq"
    "|Terrace|Parkway|Pkwy|Highway|Hwy|Circle|Cir|Close|Crescent|Gardens|Grove|Mews|Nagar|Marg"
)
_GAP = r"[^\S\n]{1,2}"
_TOWN = (
    rf"(?:,?{_GAP}(?!Resume|Skills)[A-ZÄÖÜÉ][\w.'\u2019-]+(?:{_GAP}[A-ZÄÖÜÉ][\w.'\u2019-]+){{0,2}})"
)
_WORD_OF_STREET = r"(?:[A-Z][\w'\u2019.-]*|\d{1,3}(?:st|nd|rd|th))"
_STREETS = (
    rf"\b\d{{1,5}}[A-Za-z]?(?:-\d{{1,4}})?,?{_GAP}(?:[NSEW]\.?{_GAP})?(?:{_WORD_OF_STREET}{_GAP}){{1,4}}"
    rf"(?:{_KINDS_OF_STREET})\b\.?(?:,?{_GAP}(?:(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Fl)\b\.?\s?"
    rf"[\w-]+|#\s?\w+))?(?:,{_TOWN}){{0,2}}(?:,?{_GAP}[A-Z]{{2}}\b)?(?:,?{_GAP}\d{{5}}(?:-\d{{4}})?)?",
    rf"\b[A-ZÄÖÜ][\wäöüß.-]*(?:straße|strasse|str\.|weg|gasse|platz|allee|ufer|damm){_GAP}\d{{1,4}}\s?"
    rf"[a-z]?\b(?:,?{_GAP}\d{{5}}{_TOWN}?)?",
    rf"\b\d{{1,4}}(?:\s?(?:bis|ter))?,?{_GAP}(?:rue|avenue|boulevard|place|chemin|impasse|allée|quai){_GAP}"
    rf"[^\n,;|]{{2,40}}(?:,?{_GAP}\d{{5}}{_TOWN}?)?",
    rf"\b(?:calle|carrer|avenida|via|viale|corso|rua){_GAP}[^\n,;|\d]{{2,40}},?{_GAP}\d{{1,4}}\b"
    rf"(?:,?{_GAP}\d{{5}})?",
    r"\bP\.?\s?O\.?\s?Box\s\d+\b",
    r"(?im:^[^\S\n]*(?:(?:home|postal|mailing|street|permanent|current)\s)?(?:address|anschrift|adresse"
    r"|dirección|indirizzo|endereço|住所|地址)[^\S\n]*[:\uff1a][^\n]{3,120}$)",
)
_ADDRESS = re.compile("|".join(_STREETS))
_MARRIED = r"(?:married|unmarried|divorced|widowed|verheiratet|ledig|geschieden)"
_CHILDREN = r"(?:children|child|kids?|boys|girls|sons|daughters|kinder)"
_MARITAL = re.compile(
    rf"\b(?:marital|civil|family)\sstatus{_SIGN}[^\W\d_]+(?:,\s\w+\s{_CHILDREN})?"
    r"|\b(?:familienstand|état civil|situation (?:de famille|familiale)|estado civil|stato civile)"
    rf"{_SIGN}{_REST}|婚姻(?:状况)?{_COLON}[未已]婚"
    rf"|(?:(?<=[\n,;|(] )|(?<=[\n,;|(])|^){_MARRIED}\b(?:,?\s(?:with\s)?\w+\s{_CHILDREN})?{_END}"
    r"|\b(?:(?:proud|loving|devoted|single)\s)?(?:mother|father|mom|dad|parent)\sof"
    rf"\s(?:\d|an?|one|two|three|four|five)\b(?:\s{_CHILDREN})?",
    re.IGNORECASE,
)
_ORIGIN = (
    r"nationality|citizenship|staatsangehörigkeit|nationalität|nationalité|nacionalidad|nazionalità"
    r"|nacionalidade|ethnicity|race|religion|caste|visa status|work permit"
)
_NATIONALITY = re.compile(
    rf"(?i:\b(?:{_ORIGIN}){_SIGN}{_REST})"
    rf"|国籍{_COLON}\w{{1,10}}|民族{_COLON}\w{{1,5}}"
    r"|\b(?:U\.?S\.?A?|UK|EU|[A-Z][a-zé]+(?:\s[A-Z][a-z]+)?)\s(?:citizen|national)\b"
    r"|\b(?i:green card holder)\b"
)
_GENDERS = (
    r"(?:fe)?male|männlich|weiblich|homme|femme|hombre|mujer|[mfd]\b|(?:she|he|they)\b[\w/ ]*"
)
_PRONOUNS_GIVEN = re.compile(
    r"\((?:she|he|they)\s?/\s?\w+(?:\s?/\s?\w+)?\)"
    r"|\b(?:she\s?/\s?hers?|he\s?/\s?him|they\s?/\s?them)(?:\s?/\s?\w+)?\b"
    rf"|\b(?:gender|sex|geschlecht|sexe|sexo|pronouns){_SIGN}(?:{_GENDERS})|性别{_COLON}[男女]",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(?:he|she|him|his|hers|her|himself|herself)\b", re.IGNORECASE)
_PLAIN = {
    "he": "they", "she": "they", "him": "them", "his": "their", "hers": "theirs",
    "himself": "themself", "herself": "themself",
}  # fmt: skip
_HER_THING = re.compile(r"\s[a-z]")
_FORM_OF_ADDRESS = re.compile(r"\b(?:Mr|Mrs|Ms|Miss)\b\.?(?=\s(?:\[name\]|[A-Z]))")

PLACEHOLDERS: Mapping[Detail, str] = {
    "birth": "[birth]",
    "age": "[age]",
    "address": "[address]",
    "marital_status": "[family]",
    "nationality": "[nationality]",
    "pronouns": "[gender]",
}
"""What stands in a prompt in the place of a detail."""

_PATTERNS: Mapping[Detail, re.Pattern[str]] = {
    "birth": _BIRTH,
    "age": _AGE,
    "address": _ADDRESS,
    "marital_status": _MARITAL,
    "nationality": _NATIONALITY,
    "pronouns": _PRONOUNS_GIVEN,
}


def redact_details(text: str, details: Sequence[Detail]) -> str:
    """Replaces personal details by placeholders, and pronouns by those that say no gender.

    Args:
        text: of a profile, without links and e-mail addresses.
        details: the kinds to replace.
    """
    for detail, pattern in _PATTERNS.items():
        if detail in details:
            text = pattern.sub(PLACEHOLDERS[detail], text)
    if "pronouns" in details:
        text = _FORM_OF_ADDRESS.sub("Mx", text)
        text = _PRONOUN.sub(_neutral(text), text)
    return text


def _neutral(text: str) -> Callable[[re.Match[str]], str]:
    def neutral(found: re.Match[str]) -> str:
        word = found[0].lower()
        if word == "her":
            plain = "their" if _HER_THING.match(text, found.end()) else "them"
        else:
            plain = _PLAIN[word]
        return plain.capitalize() if found[0][0].isupper() else plain

    return neutral
