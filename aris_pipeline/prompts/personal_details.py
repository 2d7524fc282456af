"""Redacts personal details of a résumé besides contact data: birth, age, address, family, origin.

A detail is found by its label (`Date of birth: 4 May 1990`) or by a shape that hardly anything else
has (`12 Oak Street`, `29 years old`). What is said in other words stays.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from aris_pipeline.prompts.heading_names import is_word_of_headings
from aris_pipeline.prompts.person_names import in_small_letters
from aris_pipeline.prompts.rubrics import Detail
from aris_pipeline.prompts.street_addresses import redact_addresses

_MARK = r"(?:[:\uff1a=|\u2013\u2014-]|\*\*|__)"
"""What stands behind a label: also the edge of a table's cell, and the end of bold text."""
_SIGN = rf"\s{{0,3}}(?:{_MARK}\s{{0,3}}){{0,2}}"
_CLEAR_SIGN = rf"\s{{0,3}}(?:{_MARK}\s{{0,3}}){{1,2}}"
"""Behind labels that are words of other sentences too: `race conditions`, `Alter 20 tables`."""
_END = r"(?=[\n,;|)\u2022]|\.\s|\.$|$)"
_REST = rf"[^\n,;|\u2022]{{1,60}}?{_END}"
_MONTH = r"[^\W\d_]{3,9}\.?"
_DAY = (
    rf"(?:\d{{1,2}}(?:\s?[./-]\s?|\s)\d{{1,2}}(?:\s?[./-]\s?|\s)\d{{2,4}}"
    rf"|\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{4}}年(?:\d{{1,2}}月(?:\d{{1,2}}日)?)?"
    rf"|(?:the\s)?\d{{1,2}}(?:st|nd|rd|th|\.)?[\s-](?:of\s|de\s)?{_MONTH},?[\s-](?:de\s)?['\u2019]?\d{{2,4}}"
    rf"|{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?,?\s\d{{4}}|{_MONTH},?\s\d{{4}}|\d{{4}})"
)
_COLON = r"\s?[:\uff1a]?\s?"
_BORN = (
    r"date of birth|year of birth|birth\s?date|birthday|d\.?\s?o\.?\s?b\b\.?|born(?:\son|:)?"
    r"|born\sin(?=\s(?:19|200))|geburts(?:datum|tag)|geboren(?:\sam)?|geb\.(?:\sam)?"
    r"|date de naissance|n[ée]e? le|fecha de nacimiento|data di nascita|data de nascimento"
    r"|geboortedatum"
)
_BIRTH = re.compile(
    rf"(?:\b(?:{_BORN})(?:\s?\([^()\n]{{1,20}}\))?|出生(?:日期|年月)?|生年月日){_SIGN}{_DAY}"
    r"|\b(?:geburtsdatum|date)\s?(?:/|und|and|,)\s?-?(?:geburts)?(?:ort|place of birth)"
    rf"{_CLEAR_SIGN}[^\n;|\u2022]{{1,60}}"
    rf"|\b(?:place of birth|birth\s?place|geburtsort|lieu de naissance){_SIGN}{_REST}",
    re.IGNORECASE,
)
_PERSON = r"(?:engineer|developer|professional|male|female|man|woman|graduate|student)"
_OF_A_PERSON = rf"(?=\s*(?:[\n.,;|)]|$|(?:and|from|with|living|{_PERSON})\b))"
_OF_NO_PERSON = (
    r"(?!\s?[%+\u2013-]|\s?(?:m?s|secs?|seconds?|min|minutes?|h|hours?|days?|weeks?|months?)\b)"
)
"""A cache has an age too, in other units."""
_AGE = re.compile(
    r"\b(?:(?:age|aged|[âa]ge|edad|et[àa]|idade)(?:\s?/\s?(?:sex|gender)|\s?\((?:yrs?|years?)\))?"
    rf"{_SIGN}|alter{_CLEAR_SIGN})\d{{2}}\b{_OF_NO_PERSON}"
    r"(?:\s?(?:years?|yrs?|jahre|ans|años)(?:\sold)?|\s?/\s?(?:male|female|m|f)\b)?"
    r"|\b(?<!\ba\s)(?<!\bthe\s)(?:1[6-9]|[2-7]\d)[\s-](?:years?|yrs?)[\s-](?:old|of\sage)\b"
    rf"{_OF_A_PERSON}|\b(?:1[6-9]|[2-7]\d)[\s-]years?[\s-]old\b(?=\s{_PERSON}\b)|\b[2-7]\d\s?y/?o\b"
    r"|\bI(?: am|'m|\u2019m) (?:an? )?\d\d[\s-]years?[\s-]old\b"
    rf"|年[龄齢]{_COLON}\d{{2}}岁?",
    re.IGNORECASE,
)
_MARRIED = r"(?:(?:happily\s|not\s|un[\s-]?)?married|divorced|widowed|verheiratet|ledig|geschieden)"
_CHILDREN = r"(?:children|child|kids?|boys?|girls?|sons?|daughters?|kinder)"
_COUNT = r"(?:\d|one|two|three|four|five)"
_MARITAL = re.compile(
    rf"\b(?:marital|civil|family)\sstatus{_SIGN}(?:(?:not|un)[\s-])?[^\W\d_]+(?:,\s\w+\s{_CHILDREN})?"
    r"|\b(?:familienstand|état civil|situation (?:de famille|familiale)|estado civil|stato civile)"
    rf"{_SIGN}{_REST}(?:,\s\w+\s{_CHILDREN})?|婚姻(?:状况)?{_COLON}[未已]婚"
    rf"|(?<![^\W\d_] )\bstatus{_CLEAR_SIGN}(?:{_MARRIED}|single){_END}|\bno\. of children{_SIGN}\d"
    rf"|(?:(?<=[\n,;|(.] )|(?<=[\n,;|(])|^){_MARRIED}\b(?:,?\s(?:with\s)?\w+\s{_CHILDREN})?{_END}"
    r"|\b(?:(?:proud|loving|devoted|single)\s)?(?:(?:mother|father|mom|dad)\sof"
    rf"\s(?:an?|{_COUNT})\b(?:\s{_CHILDREN})?|parent\sof\s(?:an?|{_COUNT})\s{_CHILDREN})",
    re.IGNORECASE,
)
_ORIGIN = (
    r"nationality|citizenship|staatsangehörigkeit|nationalität|nationalité|nacionalidad|nazionalità"
    r"|nacionalidade|ethnicity|ethnic origin|country of origin|mother tongue"
    r"|(?<![^\W\d_] )race|religion|caste|konfession|visa status|work permit"
)
_PEOPLE = (
    r"(?:U\.?S\.?(?:A\.?)?|UK|U\.K\.|EU|(?:[A-Z][a-z]+\s)?(?:[A-Z][a-zé]*(?:an|ese|ish|sh|li|qi|ni)"
    r"|French|Dutch|Greek|Swiss|Thai|Czech|Filipino|British|Emirati|Kuwaiti|[A-Z][a-z]+lander))"
)
"""The people of a country, by the ends of such words: a digital citizen is none."""
_AT_AN_END = r"(?=\s*(?:[\n.,;:|)/\u2022-]|$|(?:and|with|since|by|living|based|or)\b))"
_NATIONALITY = re.compile(
    rf"(?i:\b(?:{_ORIGIN}){_CLEAR_SIGN}{_REST}|\b(?:nationality|citizenship)\n{_REST})"
    rf"|国籍{_COLON}\w{{1,10}}|民族{_COLON}\w{{1,5}}"
    rf"|\b{_PEOPLE}\s(?:[Cc]itizen|[Nn]ational)\b{_AT_AN_END}"
    r"|\b[Cc]itizen\sof\s(?:the\s)?[A-Z][\w.]+(?:\s[A-Z]\w+)?"
    r"|\b(?i:(?:green card|h-?1b(?: visa)?) holder)\b"
)
_GENDERS = (
    r"(?:fe)?male|(?:wo)?man|non-binary|männlich|weiblich|homme|femme|hombre|mujer|[mfd]\b"
    r"|(?:she|he|they)\b[\w/ ]*"
)
_PRONOUNS_GIVEN = re.compile(
    r"\((?:she|he|they)\s?/\s?\w+(?:\s?/\s?\w+)?\)"
    r"|\b(?:she\s?/\s?hers?|he\s?/\s?him|they\s?/\s?them)(?:\s?/\s?\w+)?\b"
    rf"|\b(?:gender|sex|geschlecht|sexe|sexo|pronouns){_SIGN}(?:{_GENDERS})|性别{_COLON}[男女]",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(?:he|she|him|his|hers|her(?! majesty)|himself|herself)\b", re.IGNORECASE)
_PLAIN = {
    "he": "they", "she": "they", "him": "them", "his": "their", "hers": "theirs",
    "himself": "themself", "herself": "themself",
}  # fmt: skip
_HER_THING = re.compile(r"\s[A-Za-z]")
_NO_PRODUCT = (
    r"(?!Office|Excel|Word|Power|SQL|Access|Project|Outlook|Visio|Dynamics|Azure|Teams|Win|DOS)"
)
_MISS = r"(?:(?<![^\W\d_] )|(?<=[a-z] ))Miss"
"""Not the end of another term: `Cache Miss Ratio`."""
_FORM_OF_ADDRESS = re.compile(
    rf"\b(?:Mr|Mrs|Ms|{_MISS})\b\.?(?=\s(?:\[name\]|{_NO_PRODUCT}(?P<named>[A-Z]\w*)))"
)
_RELATIVE = r"(?:father|mother|husband|wife|spouse|guardian)"
_TITLES = r"(?:(?:mr|mrs|ms|miss|late|shri|smt|sh|dr)\b\.?\s?){0,3}"
_OTHERS = re.compile(
    rf"(?i:(?:\b(?:{_RELATIVE}[^\s\w]{{0,3}}\w{{0,3}}\sname|name of {_RELATIVE})|(?<!\w)[sdw]/o\b)"
    rf"{_SIGN}{_TITLES}{_REST})"
    rf"|\b(?:Mr|Mrs|Ms|{_MISS}|Shri|Smt)\b\.?\s?{_NO_PRODUCT}"
    rf"(?P<named>[A-Z][a-z]+)(?:[^\S\n]{{1,2}}[A-Z][a-z]+){{0,2}}"
)
_MAY_BE_TITLED = re.compile(r"M(?:rs?|s|iss)\b|Shri|Smt")
_MAY_BE_RELATED = re.compile("father|mother|husband|wife|spouse|guardian|[sdw]/o")
_PAPERS = re.compile(
    r"\b(?:passport|aadhaa?r|pan|ssn|social security|dni|nie|driving licen[cs]e|national id)\b"
    rf"(?:\s(?:card|details|number|no)\b\.?|\s?-\s?number){{0,3}}{_SIGN}"
    r"(?=[a-z\d -]{0,8}\d{3})[a-z\d][a-z\d -]{5,16}\b"
    rf"|\bblood group{_CLEAR_SIGN}[^\n,;|\u2022\u2026]{{1,12}}"
    rf"|\bheight{_CLEAR_SIGN}(?:\d[.,]\d{{1,2}}|\d{{3}}(?=\s?cm)|\d(?=\s?(?:m\b|ft|feet|['\u2019])))"
    r"(?:\s?(?:cm|m\b|ft|feet|['\u2019])(?:\s?\d{1,2}(?:\s?(?:in|inches|[\"\u201d]))?)?)?"
    rf"|\bweight{_CLEAR_SIGN}\d{{2,3}}\s?(?:kgs?|lbs?|pounds)\b"
    r"|身份证(?:号码?)?[\s:\uff1a]{0,3}\d{17}[\dXx]",
    re.IGNORECASE,
)

PLACEHOLDERS: Mapping[Detail, str] = {
    "names_in_text": "[name]",
    "papers": "[papers]",
    "birth": "[birth]",
    "age": "[age]",
    "address": "[address]",
    "marital_status": "[family]",
    "nationality": "[nationality]",
    "pronouns": "[gender]",
}
"""What stands in a prompt in the place of a detail."""

_SIGNS: Mapping[Detail, str] = {
    "papers": (
        r"passport|aadha|ssn|social security|(?:pan|dni|nie)(?![a-z])|driving licen|national id"
        r"|blood group|height|weight|身份证"
    ),
    "birth": (
        r"birth|born|geb|naissance|n[ée]e? le|nacim|nasc|出生|生年月日"
        r"|d\.?\s?o\.?\s?b(?![a-z])|date\s?(?:/|und|and|,)"
    ),
    "age": (
        r"(?:ged?|dade?|et[àa]|lter)[\s:\uff1a=|\u2013\u2014*_-]{0,13}\d|/\s?(?:sex|gender)"
        r"|\((?:yrs?|years?)\)|\d\s?y/?o|\d[\s-](?:years?|yrs?)[\s-]o|年[龄齢]"
    ),
    "marital_status": (
        r"status|married|divorced|widowed|familienstand|civil|situation|children|verheiratet"
        r"|ledig|geschieden|(?:mother|father|mom|dad|parent)\sof|婚"
    ),
    "nationality": (
        r"national|nacional|nazional|citizen|staatsang|ethnic|country of origin|mother tongue"
        r"|(?<![a-z])race\s{0,3}[:\uff1a=|\u2013\u2014*_-]|religion|caste|konfession"
        r"|visa status|work permit|green card|h-?1b|国籍|民族"
    ),
    "pronouns": r"hey?\s?/|gender|sex|geschlecht|pronouns|性别",
}
"""What a text in small letters has if it has a detail, and what is found several times as fast.

Each alternative of a pattern has one of these signs, so one that is added there may need one here.
"""
_MAY_SAY = {detail: re.compile(signs) for detail, signs in _SIGNS.items()}

_PATTERNS: Mapping[Detail, re.Pattern[str]] = {
    "papers": _PAPERS,
    "birth": _BIRTH,
    "age": _AGE,
    "marital_status": _MARITAL,
    "nationality": _NATIONALITY,
    "pronouns": _PRONOUNS_GIVEN,
}


def redact_details(text: str, details: Sequence[Detail]) -> str:
    """Replaces personal details by placeholders, all but names and pronouns.

    Args:
        text: of a profile, without links and e-mail addresses.
        details: the kinds to replace.
    """
    if "address" in details:
        text = redact_addresses(text, PLACEHOLDERS["address"])
    small = in_small_letters(text)
    for detail, pattern in _PATTERNS.items():
        if detail in details and _MAY_SAY[detail].search(small):
            text = pattern.sub(PLACEHOLDERS[detail], text)
            small = in_small_letters(text)
    return text


def redact_persons(text: str, details: Sequence[Detail]) -> str:
    """Replaces other people behind a label, and pronouns by those that say no gender.

    Args:
        text: of a profile, in which the candidate's own name has been looked for.
        details: the kinds to replace.
    """
    is_titled = _MAY_BE_TITLED.search(text) is not None
    if "names_in_text" in details and (is_titled or _MAY_BE_RELATED.search(in_small_letters(text))):
        text = _OTHERS.sub(_unless_a_degree("[name]"), text)
    if "pronouns" in details:
        if is_titled:
            text = _FORM_OF_ADDRESS.sub(_unless_a_degree("Mx"), text)
        text = _PRONOUN.sub(_neutral(text), text)
    return text


def _unless_a_degree(replacement: str) -> Callable[[re.Match[str]], str]:
    """Returns a replacement that leaves an MS in Data Science, or a miss ratio, as they are."""

    def replaced(found: re.Match[str]) -> str:
        named = found["named"]
        is_degree = named and found[0][:2] in ("Ms", "Mi") and is_word_of_headings(named)
        return found[0] if is_degree else replacement

    return replaced


def _neutral(text: str) -> Callable[[re.Match[str]], str]:
    def neutral(found: re.Match[str]) -> str:
        word = in_small_letters(found[0])
        if found[0].isupper():
            return found[0]  # HIS is a hospital information system
        if word == "her":
            plain = "their" if _HER_THING.match(text, found.end()) else "them"
        else:
            plain = _PLAIN[word]
        return plain.capitalize() if found[0][0].isupper() else plain

    return neutral
