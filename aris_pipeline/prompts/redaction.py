"""Keeps data that identifies a person out of the prompt: name, e-mail, phone, profile links.

Redaction prefers to remove too much: an employer with the candidate's family name is redacted too.
Dates are not phone numbers, and a bare domain such as Booking.com is an employer.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from aris_pipeline.prompts.contacts import redact_contacts
from aris_pipeline.prompts.person_names import labelled_names, names_of, redact_names
from aris_pipeline.prompts.personal_details import PLACEHOLDERS, redact_details, redact_persons
from aris_pipeline.prompts.phones import redact_phones
from aris_pipeline.prompts.rubrics import Detail
from aris_pipeline.prompts.written_names import written_names

_OUR_HEADINGS = r"(?m:^(?:(?:Jobs|Education|Resume):$|(?:Facts|Title|Company|Location|Skills): ))"
"""A person named Jobs must not take the ids from the lines: they are found by these."""
_KINDS = ("email", "phone", "link", *(sign[1:-1] for sign in PLACEHOLDERS.values()))
_PLACEHOLDER = re.compile(rf"\[({'|'.join(_KINDS)})\]")


def redact(
    text: str,
    first_name: str | None,
    last_name: str | None,
    other_names: Sequence[str] = (),
    *,
    details: Sequence[Detail] = (),
) -> str:
    """Replaces links, e-mail addresses, phone numbers and the person's names by placeholders.

    Args:
        text: a profile.
        first_name: given in a field of its own.
        last_name: likewise.
        other_names: likewise.
        details: further kinds of personal detail to replace.
    """
    text = whole = unicodedata.normalize("NFC", text)
    folded = text.casefold()
    text = redact_contacts(text, folded, strictly=bool(details))
    if details:
        text = redact_details(text, details)
    text = redact_phones(text)
    if text != whole:
        folded = text.casefold()
    in_text = (
        written_names(text, whole) if "names_in_text" in details else labelled_names(text, folded)
    )
    if details:
        text = redact_persons(text, details)
        folded = text.casefold()
    others = (*other_names, *in_text)
    names = names_of(first_name or "", last_name or "", others)
    # The prompts of rubrics without details are stored by their bytes, so nothing changes there.
    return redact_names(text, folded, names, kept=_OUR_HEADINGS if details else "")


def redactions(before: str, after: str) -> dict[str, int]:
    """Returns how often each kind of detail was replaced; pronouns only if they were given.

    Args:
        before: the text as it was written.
        after: the redacted text.
    """
    if after == before:
        return {}
    return dict(Counter(_PLACEHOLDER.findall(after)) - Counter(_PLACEHOLDER.findall(before)))
