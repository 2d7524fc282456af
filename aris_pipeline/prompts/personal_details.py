"""Redacts personal details of a résumé besides contact data: birth, age, address, family, origin.

A detail is found by its label (`Date of birth: 4 May 1990`) or by a shape that hardly anything else
has (`12 Oak Street`, `29 years old`). What is said in other words stays.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from aris_pipeline.prompts.rubrics import Detail

_BOLD = r"(?:\*\*|__)?"
_SIGN = rf"{_BOLD}\s{{0,3}}[:\uff1a=|\u2013\u2014-]?{_BOLD}\s{{0,3}}"
_CLEAR_SIGN = rf"{_BOLD}\s{{0,3}}[:\uff1a=|\u2013\u2014-]{_BOLD}\s{{0,3}}"
"""Behind labels that are words of other sentences too: `race conditions`, `Alter 20 tables`."""
_END = r"(?=[\n,;|)\u2022]|\.\s|\.$|$)"
_REST = rf"[^\n,;|\u2022]{{1,60}}?{_END}"
_MONTH = r"[^\W\d_]{3,9}\.?"
_DAY = (
    rf"(?:\d{{1,2}}(?:\s?[./-]\s?|\s)\d{{1,2}}(?:\s?[./-]\s?|\s)\d{{2,4}}"
    rf"|\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{4}}年(?:\d{{1,2}}月(?:\d{{1,2}}日)?)?"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.)?[\s-](?:of\s|de\s)?{_MONTH},?[\s-](?:de\s)?['\u2019]?\d{{2,4}}"
    rf"|{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?,?\s\d{{4}}|{_MONTH},?\s\d{{4}}|\d{{4}})"
)
_COLON = r"\s?[:\uff1a]?\s?"
_BORN = (
    r"date of birth|year of birth|birth\s?date|birthday|d\.?\s?o\.?\s?b\b\.?"
    r"|born(?:\son(?:\sthe)?|:)?|born\sin(?=\s(?:19|200))|geburts(?:datum|tag)(?:\s?/\s?-?ort)?"
    r"|geboren(?:\sam)?|geb\.(?:\sam)?|date de naissance"
    r"|n[ée]e? le|fecha de nacimiento|data di nascita|data de nascimento|geboortedatum"
)
_BIRTH = re.compile(
    rf"(?:\b(?:{_BORN})(?:\s?\([^()\n]{{1,20}}\))?|出生(?:日期|年月)?|生年月日){_SIGN}{_DAY}"
    rf"|\b(?:place of birth|birth\s?place|geburtsort|lieu de naissance){_SIGN}{_REST}",
    re.IGNORECASE,
)
_OF_A_PERSON = (
    r"(?=\s*(?:[\n.,;|)]|$|(?:and|from|with|living|engineer|developer|professional|male|female|man"
    r"|woman)\b))"
)
_AGE = re.compile(
    r"\b(?:(?:age|aged|[âa]ge|edad|et[àa]|idade)(?:\s?/\s?(?:sex|gender)|\s?\((?:yrs?|years?)\))?"
    rf"{_SIGN}|alter{_CLEAR_SIGN})\d{{2}}\b(?!\s?(?:[%+\u2013-]|m?s\b|sec|min|hour|day|week|month))"
    r"(?:\s?(?:years?|yrs?|jahre|ans|años)(?:\sold)?|\s?/\s?(?:male|female|m|f)\b)?"
    rf"|\b(?:1[6-9]|[2-7]\d)[\s-](?:years?|yrs?)[\s-]old\b{_OF_A_PERSON}|\b[2-7]\d\s?y/?o\b"
    r"|\b(?:1[6-9]|[2-7]\d)\s(?:years?|yrs?)\sof\sage\b"
    r"|\bI(?: am|'m|\u2019m) (?:an? )?\d\d[\s-]years?[\s-]old\b"
    rf"|年[龄齢]{_COLON}\d{{2}}岁?",
    re.IGNORECASE,
)
_KINDS_OF_STREET = (
    "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq"
    "|Terrace|Parkway|Pkwy|Highway|Hwy|Circle|Cir|Close|Crescent|Gardens|Grove|Mews|Nagar|Marg"
    "|STREET|AVENUE|ROAD|BOULEVARD|LANE|DRIVE"
)
_GAP = r"[^\S\n]{1,2}"
_TOWN = (
    rf"(?:,?{_GAP}(?!Resume|Skills)[A-ZÄÖÜÉ][\w.'\u2019-]+(?:{_GAP}[A-ZÄÖÜÉ][\w.'\u2019-]+){{0,2}})"
)
_WORD_OF_STREET = r"(?:[A-Z][\w'\u2019.-]*|\d{1,3}(?:st|nd|rd|th))"
_NAME_OF_STREET = r"(?:[A-ZÁÉÍÓÚ][\w'\u2019.-]*|d[aeio]s?|del|della|l[ao]s?|y|e)"
_STREETS: Mapping[str, tuple[str, ...]] = {
    rf"\b(?!(?:19|20)\d\d\b)\d{{1,5}}[A-Za-z]?(?:-\d{{1,4}})?,?{_GAP}(?:[NSEW]\.?{_GAP})?(?:{_WORD_OF_STREET}{_GAP}){{1,4}}"
    rf"(?:{_KINDS_OF_STREET})\b\.?(?!{_GAP}[a-z])(?:{_GAP}[NSEW]{{1,2}}\b)?(?:,?{_GAP}(?:(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Fl)\b\.?\s?"
    rf"[\w-]+|#\s?\w+))?(?:,{_TOWN}){{0,2}}(?:,?{_GAP}[A-Z]{{2}}\b)?"
    rf"(?:,?{_GAP}\d{{5}}(?:-\d{{4}})?)?": (),
    rf"\b[A-ZÄÖÜ][\wäöüß.-]*(?:straße|strasse|str\.|weg|gasse|platz|allee|ufer|damm){_GAP}\d{{1,4}}\s?"
    rf"[a-z]?\b(?:,?{_GAP}\d{{5}}{_TOWN}?)?": (
        "stra\xdfe",
        "strasse",
        "str.",
        "weg",
        "gasse",
        "platz",
        "allee",
        "ufer",
        "damm",
    ),
    rf"\b\d{{1,4}}(?:\s?(?:bis|ter))?,?{_GAP}(?:rue|avenue|boulevard|place|chemin|impasse|allée|quai){_GAP}"
    rf"(?=d[eu']|l[ae']|[A-ZÉ])[^\n,;|]{{2,40}}(?:,?{_GAP}\d{{5}}{_TOWN}?)?": (
        " rue ",
        " avenue ",
        " boulevard ",
        " place ",
        " chemin ",
        " impasse ",
        " all\xe9e ",
        " quai ",
    ),
    rf"(?:\b(?:[Cc]alle|[Cc]arrer|[Aa]venida|[Vv]ia|[Vv]iale|[Cc]orso|[Rr]ua)|\bC/){_GAP}"
    rf"{_NAME_OF_STREET}(?:{_GAP}{_NAME_OF_STREET}){{0,4}},?{_GAP}\d{{1,4}}\b(?!{_GAP}[a-z])"
    rf"(?:,{_GAP}\d\w?\b(?:\s?\w\b)?)?(?:,?{_GAP}\d{{5}}{_TOWN}?)?": (
        "calle",
        "carrer",
        "avenida",
        "via ",
        "viale",
        "corso",
        "rua ",
        "c/ ",
    ),
    rf"\bP\.?\s?O\.?\s?Box\s\d+\b(?:,{_TOWN}(?:{_GAP}\d{{4,6}})?)?": ("box",),
    r"(?i:\b(?:h\.?\s?no|house no|flat(?: no)?|plot(?: no)?|door no)\b\.?|#)\s?[:-]?\s?\d"
    r"[^\n]{5,100}?\b\d{6}\b": ("no", "flat", "plot", "#"),
    r"[\u4e00-\u9fff]{2,8}[省市][\u4e00-\u9fff]{2,20}\d{1,5}号": ("\u53f7",),
    r"\b[A-Z]{1,2}\d[A-Z\d]? \d(?![KMGTP]B)[A-Z]{2}\b": (),
    r"(?im:^[^\S\n]*(?:(?:home|postal|mailing|street|permanent|current)\s)?(?:address|residence|anschrift|adresse"
    r"|dirección|indirizzo|endereço|住所|地址)"
    r"[^\S\n]*[:\uff1a][^\S\n]*+(?-i:(?![a-z]))[^\n]{3,120}$)": (
        "address",
        "residence",
        "anschrift",
        "adresse",
        "direcci\xf3n",
        "indirizzo",
        "endere\xe7o",
        "\u4f4f\u6240",
        "\u5730\u5740",
    ),
}
"""Shapes of addresses, each with words of which a text in small letters must have one."""
_MARRIED = r"(?:(?:happily\s|not\s|un[\s-]?)?married|divorced|widowed|verheiratet|ledig|geschieden)"
_CHILDREN = r"(?:children|child|kids?|boys|girls|sons|daughters|kinder)"
_MARITAL = re.compile(
    rf"\b(?:marital|civil|family)\sstatus{_SIGN}(?:(?:not|un)[\s-])?[^\W\d_]+(?:,\s\w+\s{_CHILDREN})?"
    r"|\b(?:familienstand|état civil|situation (?:de famille|familiale)|estado civil|stato civile)"
    rf"{_SIGN}{_REST}(?:,\s\w+\s{_CHILDREN})?|婚姻(?:状况)?{_COLON}[未已]婚"
    rf"|\b(?<![a-z]\s)status{_CLEAR_SIGN}(?:{_MARRIED}|single)\b"
    rf"|\bno\. of children{_SIGN}\d"
    rf"|(?:(?<=[\n.,;|(] )|(?<=[\n,;|(])|^){_MARRIED}\b(?:,?\s(?:with\s)?\w+\s{_CHILDREN})?{_END}"
    r"|\b(?:(?:proud|loving|devoted|single)\s)?(?:mother|father|mom|dad|parent)\sof"
    rf"\s(?:(?:\d|one|two|three|four|five)\b(?:\s{_CHILDREN})?"
    r"|an?\s(?:\w+\s)?(?:child|kid|boy|girl|son|daughter|toddler|baby))",
    re.IGNORECASE,
)
_ORIGIN = (
    r"nationality|citizenship|staatsangehörigkeit|nationalität|nationalité|nacionalidad|nazionalità"
    r"|nacionalidade|ethnicity|ethnic origin|country of origin|mother tongue|race|religion|caste"
    r"|konfession|visa status|work permit"
)
_OF_A_COUNTRY = r"[A-Z][a-z]+(?:an|ish|ese|ch|eek|wiss|hai|ino|ani|eli|aqi|audi)"
_NATIONALITY = re.compile(
    rf"(?i:\b(?<!data\s)(?:{_ORIGIN}){_CLEAR_SIGN}{_REST}|\b(?:nationality|citizenship)\n{_REST})"
    rf"|国籍{_COLON}\w{{1,10}}|民族{_COLON}\w{{1,5}}"
    rf"|\b(?:U\.?S\.?A?|UK|EU|{_OF_A_COUNTRY})\s(?:[Cc]itizen|national(?=\s*(?:[\n.,;|)]|$)))\b"
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
_PRONOUN = re.compile(
    r"\b(?:he|she|him|hers|himself|herself|(?:his|her)(?!\s(?:majesty|royal|excellency)))\b",
    re.IGNORECASE,
)
_PLAIN = {
    "he": "they", "she": "they", "him": "them", "his": "their", "hers": "theirs",
    "himself": "themself", "herself": "themself",
}  # fmt: skip
_HER_THING = re.compile(r"\s[a-z]")
_NO_PRODUCT = (
    r"(?!Office|Excel|Word|Power|SQL|Access|Project|Outlook|Visio|Dynamics|Azure|Teams|Win|DOS"
    r"|Rat|Count|Penalt|Latenc|Data|Computer|Science|Information|Software|Business|Engineer)"
)
_FORM_OF_ADDRESS = re.compile(rf"\b(?:Mr|Mrs|Ms|Miss)\b\.?(?=\s(?:\[name\]|{_NO_PRODUCT}[A-Z]))")
_RELATIVE = r"(?:father|mother|husband|wife|spouse|guardian)"
_TITLES = r"(?:(?:mr|mrs|ms|miss|late|shri|smt|sh|dr)\b\.?\s?){0,3}"
_OTHERS = re.compile(
    rf"(?i:(?:\b(?:{_RELATIVE}[^\s\w]{{0,3}}\w{{0,3}}\sname|name of {_RELATIVE})|(?<!\w)[sdw]/o\b)"
    rf"{_SIGN}{_TITLES}{_REST})"
    rf"|\b(?:Mr|Mrs|Ms|Miss|Shri|Smt)\b\.?\s?{_NO_PRODUCT}[A-Z][a-z]+(?:{_GAP}[A-Z][a-z]+){{0,2}}"
)
_PAPERS = re.compile(
    r"\b(?:passport|aadhaa?r|pan|ssn|social security|dni|nie|driving licen[cs]e|national id)\b"
    rf"(?:\s(?:card|details|number|no)\b\.?|\s?-\s?number){{0,3}}{_SIGN}"
    r"(?=[a-z\d -]{0,8}\d{3})[a-z\d][a-z\d -]{5,16}\b"
    rf"|\b(?:blood group{_CLEAR_SIGN}[^\n,;|\u2022\u2026]{{1,12}}"
    rf"|height{_CLEAR_SIGN}\d(?:\d\d?\s?cm\b|[.,]\d\d\s?m\b|\s?(?:'|\u2019|ft)[^\n,;|]{{0,6}})"
    rf"|weight{_CLEAR_SIGN}\d{{2,3}}\s?(?:kg|lbs?|pounds)\b)"
    r"|身份证(?:号码?)?\s?[:\uff1a]?\s?\d{17}[\dXx]",
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

_OF_A_FAMILY = (
    "status", "married", "divorced", "widowed", "familienstand", "civil", "situation", "\u5a5a",
    "children", "verheiratet", "ledig", "geschieden", "mother", "father", "mom ", "dad ", "parent",
)  # fmt: skip
_ALWAYS: tuple[str, ...] = ()
_PATTERNS: Mapping[Detail, Sequence[tuple[re.Pattern[str], tuple[str, ...]]]] = {
    "names_in_text": [(_OTHERS, _ALWAYS)],
    "papers": [(_PAPERS, _ALWAYS)],
    "birth": [(_BIRTH, _ALWAYS)],
    "age": [(_AGE, _ALWAYS)],
    "address": [(re.compile(shape), words) for shape, words in _STREETS.items()],
    "marital_status": [(_MARITAL, _OF_A_FAMILY)],
    "nationality": [(_NATIONALITY, _ALWAYS)],
    "pronouns": [(_PRONOUNS_GIVEN, _ALWAYS)],
}
"""What is looked for, and words of which a text in small letters must have one: most have none."""


def redact_details(text: str, details: Sequence[Detail]) -> str:
    """Replaces personal details by placeholders, and pronouns by those that say no gender.

    Args:
        text: of a profile, without links and e-mail addresses.
        details: the kinds to replace.
    """
    folded = text.lower()
    for detail, patterns in _PATTERNS.items():
        for pattern, words in patterns if detail in details else ():
            if not words or any(map(folded.__contains__, words)):
                text = pattern.sub(PLACEHOLDERS[detail], text)
    if "pronouns" in details:
        text = _FORM_OF_ADDRESS.sub("Mx", text)
        text = _PRONOUN.sub(_neutral(text), text)
    return text


def _neutral(text: str) -> Callable[[re.Match[str]], str]:
    def neutral(found: re.Match[str]) -> str:
        word = found[0].lower()
        if found[0].isupper():
            return found[0]  # HIS is a hospital information system
        if word == "her":
            plain = "their" if _HER_THING.match(text, found.end()) else "them"
        else:
            plain = _PLAIN[word]
        return plain.capitalize() if found[0][0].isupper() else plain

    return neutral
