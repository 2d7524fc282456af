"""Finds postal addresses by the shapes of several countries.

A number before capitalized words may count something: `20 Google Drive integrations`. So a street
of a kind that is a word of other names too (Drive, Close, Square) needs a town, a flat or a
postcode behind it, and no street goes on with a small word.
"""

import re

from aris_pipeline.prompts.person_names import in_small_letters

_GAP = r"[^\S\n]{1,2}"
_SURE = (
    "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Terrace|Parkway|Pkwy|Crescent|Mews|Nagar"
)
_UNSURE = "Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Highway|Hwy|Circle|Cir|Close|Gardens|Grove|Marg|Way"
_SURE, _UNSURE = (f"{kinds}|{kinds.upper()}" for kinds in (_SURE, _UNSURE))
_WORD_OF_TOWN = r"[A-ZÄÖÜÉ](?:[^\W\d_]|[.'\u2019-])+(?!\w)"
_TOWN = rf"(?:,?{_GAP}(?!Resume|Skills){_WORD_OF_TOWN}(?:{_GAP}{_WORD_OF_TOWN}){{0,2}})"
_BRITISH = r"\b[A-Z]{1,2}\d[A-Z\d]? \d(?![KMGTP]B\b|XX\b)[A-Z]{2}\b"
"""A British postcode; S3 2TB is none."""
_POSTCODE = rf"(?:,?{_GAP}\d{{5}}\b{_TOWN}?)"
_FLAT = rf"(?:,?{_GAP}(?:(?i:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Fl)\b\.?\s?[\w-]+|#\s?\w+))"
_ENDS = rf"(?!{_GAP}(?!in\b|near\b|and\b|with\b|since\b|where\b)[a-z])"
"""A street is followed by a town, a mark or nothing, a count by what is counted."""
_WORD = r"(?:[A-Z][\w'\u2019.-]{0,40}|\d{1,3}(?i:st|nd|rd|th))"
_NUMBERED = (
    rf"\b(?!(?:19|20)\d\d\b)\d{{1,5}}[A-Za-z]?(?:-\d{{1,4}})?,?{_GAP}(?:[NSEW]\.?{_GAP})?"
    rf"(?:{_WORD}{_GAP}){{1,4}}"
)
_STATE = rf"(?:,?{_GAP}[A-Z]{{2}}\b)?(?:,?{_GAP}\d{{5}}(?:-\d{{4}})?)?"
_REST = rf"{_FLAT}?(?:,{_TOWN}){{0,2}}(?:,?{_GAP}{_BRITISH})?{_STATE}"
_CAPITALIZED = r"(?:[A-ZÁÉÍÓÚ][\w'\u2019.-]*|d[aeio]s?|del|della|l[ao]s?|y|e)"
_PART_OF_ADDRESS = (
    r"(?:[^a-z\s|;\u2022][^\s|;\u2022]*"
    r"|(?:of|the|near|and|opp|no|de|la|del|des|du|di|da|van|von|der|den)\b\.?)"
)
_SHAPES = (
    rf"{_NUMBERED}(?:"
    rf"(?:{_SURE})\b\.?(?:{_GAP}(?:[NSEW]{{1,2}}|North|South|East|West)\b)?{_ENDS}"
    rf"|(?:{_UNSURE})\b\.?(?={_FLAT}|,{_TOWN}|,?{_GAP}\d{{5}}\b)){_REST}",
    rf"\b[A-ZÄÖÜ][\w.-]{{0,40}}(?:straße|strasse|str\.|weg|gasse|platz|allee|ufer|damm){_GAP}\d{{1,4}}\s?"
    rf"[a-z]?\b{_POSTCODE}?",
    rf"\b\d{{1,4}}(?:\s?(?:bis|ter))?,?{_GAP}(?:[Rr]ue|avenue|boulevard|place|chemin|impasse|allée|quai){_GAP}"
    rf"(?=d[eu']|l[ae']|[A-ZÉ])[^\n,;|]{{2,40}}{_POSTCODE}?",
    rf"(?:\b(?:[Cc]alle|[Cc]arrer|[Aa]venida|[Vv]ia|[Vv]iale|[Cc]orso|[Rr]ua)|\bC/){_GAP}"
    rf"{_CAPITALIZED}(?:{_GAP}{_CAPITALIZED}){{0,4}},?{_GAP}\d{{1,4}}\b{_ENDS}"
    rf"(?:,{_GAP}\d[\xba\xaa]?(?:\s?[A-Z])?\b)?{_POSTCODE}?",
    rf"\bP\.?\s?O\.?\s?Box\s\d+\b(?:,{_TOWN}(?:{_GAP}\d{{4,6}})?)?",
    r"(?i:\b(?:h\.?\s?no|house no|flat(?: no)?|plot(?: no)?|door no)\b\.?|#)\s?[:-]?\s?\d"
    r"[^\n]{5,100}?\b\d{6}\b",
    r"[\u4e00-\u9fff]{2,8}[省市][\u4e00-\u9fff]{2,20}\d{1,5}号",
    _BRITISH,
    r"(?im:^[^\S\n|]*(?:[|*_]+\s?)?(?:(?:home|postal|mailing|street|permanent|current)\s)?(?:address"
    r"|residence|anschrift|adresse|dirección|indirizzo|endereço|住所|地址)(?:[^\S\n]*(?:[:\uff1a|\u2013]|\*\*|__)){1,2}"
    # Small words say what an address is for: `Address: validation service for 30 million parcels`.
    rf"[^\S\n]*(?:\d[^\n]{{2,120}}$|(?-i:(?:{_PART_OF_ADDRESS}(?:[^\S\n]+|(?=$|[|;\u2022]))){{1,20}}(?=$|[|;\u2022]))))",
)
_ADDRESS = re.compile("|".join(_SHAPES))
_SIGNS = (
    # Numbers: before a street, in a British postcode, and six digits of an Indian one.
    re.compile(
        rf"\d(?:[A-Za-z]?,?{_GAP}(?:[NSEW]\.?{_GAP})?(?:{_WORD}{_GAP}){{1,4}}(?:{_SURE}|{_UNSURE})\b"
        rf"|(?:\s?(?:bis|ter))?,?{_GAP}(?:[Rr]ue|avenue|boulevard|place|chemin|impasse|allée|quai)"
        r"|[A-Z\d]? \d[A-Z]{2}|\d{5})"
    ),
    re.compile(rf"(?:straße|strasse|str\.|weg|gasse|platz|allee|ufer|damm){_GAP}\d"),
    re.compile(
        rf"(?:Calle|calle|Carrer|carrer|Avenida|avenida|Via|via|Viale|viale|Corso|corso|Rua|rua|C/)"
        rf"{_GAP}{_CAPITALIZED},?{_GAP}"
    ),
    re.compile("号|Box"),
)
"""What an address without a label has, a sign for each shape, and what is found faster."""
_LABELS = re.compile(
    r"(?:address|residence|anschrift|adresse|dirección|indirizzo|endereço|住所|地址)"
    r"[^\S\n]*(?:[:\uff1a|\u2013]|\*\*|__)"
)
_NUMBER_AND_POSTCODE = re.compile(rf"\d[a-z]?,{_GAP}(?!\d+000\b)\d{{5}}\b")
_EUROPEAN = re.compile(
    rf"\b[A-ZÄÖÜ][\w.-]{{1,40}}(?:{_GAP}[\w.-]{{1,40}}){{0,4}}{_GAP}\d{{1,4}}[a-z]?,{_GAP}(?!\d+000\b)\d{{5}}{_TOWN}"
)
"""The name of a street, a number, a postcode and a town, as in most of Europe."""


def redact_addresses(text: str, placeholder: str) -> str:
    """Replaces postal addresses by a placeholder."""
    if _NUMBER_AND_POSTCODE.search(text):
        text = _EUROPEAN.sub(placeholder, text)
    may_be = any(sign.search(text) for sign in _SIGNS) or _LABELS.search(in_small_letters(text))
    return _ADDRESS.sub(placeholder, text) if may_be else text
