"""Maps the names that common exports give to fields of a profile to our columns, in one table.

LinkedIn tools (Proxycurl, PhantomBuster), JSON Resume, Lever, Greenhouse, Europass, HR-Open and the
columns of tables have different names for the same things. `jobTitle`, `Job Title` and `job-title`
are one name here. A name that is not in the table has no role, and is counted as unused.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, NamedTuple

from aris_pipeline.candidates.names import name_role

Kind = Literal["column", "place", "list", "text", "section", "job", "degree", "wrapper"]


class Role(NamedTuple):
    """The role of a field in a profile.

    Attributes:
        kind: a column of one value, a part of the place, a list, free text, a titled section, a
            part of a job or degree that a table holds in columns, or an object around other fields.
        target: the field of the profile, of its job or of its degree.
        rank: if several fields have one target, the lowest rank wins.
        label: the title of the value if its target is already taken.
        number: the number of the job or degree that it is a part of.
    """

    kind: Kind
    target: str
    rank: int
    label: str
    number: int = 1

    @property
    def column(self) -> str:
        """Returns the column of a profile that the field becomes part of."""
        inside = {"job": "work_info", "degree": "education_info", "place": "location"}
        return inside.get(self.kind, self.target)


_COLUMNS: Mapping[str, str] = {
    "title": "title job_title position current_position job_position role job_role designation"
    " position_title headline tagline occupation label",
    "company": "company company_name employer employer_name organization organisation"
    " organization_name",
    "location": "location full_location place city_and_country location_name",
}
PLACES: Mapping[str, str] = {
    "city": "city town",
    "region": "region state province",
    "country": "country country_full_name country_name",
}
_LISTS: Mapping[str, str] = {
    "work_info": "work_info experiences experience work_experience work_experiences work_history"
    " work employment employments employment_history career_history career positions jobs"
    " position_history position_histories job_history professional_experience",
    "education_info": "education_info education educations education_history educational_background"
    " academic_background schools education_details",
    "skills": "skills skill key_skills skill_set skillset technical_skills hard_skills top_skills"
    " tech_stack technologies competencies core_competencies skills_list skills_label all_skills",
}
FULL_TEXTS = (
    *("resume_text", "resume", "resume_str", "resumetext", "cv_text", "cv", "profile_text"),
    *("profile", "text", "content", "resume_content", "cv_content", "resume_html"),
)
_PARTIAL_TEXTS = (
    *("summary", "about", "about_me", "professional_summary", "executive_summary", "bio"),
    *("biography", "overview", "description", "objective", "career_objective", "cover_letter"),
)
_SECTIONS = (
    "projects project personal_projects side_projects certifications certification certificates"
    " certificate licenses licences licenses_and_certifications courses coursework training"
    " trainings publications publication patents awards award honors honours honors_awards"
    " honors_and_awards achievements achievement accomplishments volunteer volunteering"
    " volunteer_work volunteer_experience languages language_skills test_scores qualifications"
    " strengths interests hobbies organizations organisations memberships industry tags"
    " years_of_experience years_experience experience_years total_experience yoe soft_skills"
    " linguistic"
)
_JOB_PARTS: Mapping[str, str] = {
    "title": "job_title title position role",
    "company": "company company_name employer job_company organization",
    "dates": "job_date_range job_dates job_duration date_range",
    "work_start_date": "job_start_date start_date job_start",
    "work_end_date": "job_end_date end_date job_end",
    "description": "job_description responsibilities job_summary",
}
_DEGREE_PARTS: Mapping[str, str] = {
    "school": "school school_name university university_name college institution institute",
    "degree": "degree school_degree highest_degree degree_name education_degree"
    " highest_qualification education_level",
    "field_of_study": "field_of_study major school_major discipline specialization specialisation"
    " field_study school_field_of_study",
    "dates": "school_date_range school_dates",
    "description": "school_description school_activities",
    "end_date": "graduation_year year_of_graduation graduation_date school_end_date passing_year",
}
_ONLY_NUMBERED = {"start_date", "end_date", "date_range", "responsibilities"}
"""Parts of a job that mean something else if they have no number."""

_WRAPPERS = (
    "basics person candidate data profile profiles resume resumes cv parsed_resume parsed_data"
    " parsed resume_data parsed_profile skills_passport learner_info structured_xml_resume"
    " applicant learner"
)
_SET_ASIDE = (
    "email emails e_mail mail email_address email_addresses phone phones phone_number phone_numbers"
    " mobile mobile_number telephone address addresses street postal_address contact contact_info"
    " links url urls website websites profiles social_links public_identifier gender sex pronouns"
    " nationality citizenship ethnicity race religion date_of_birth birth_date birthday birthplace"
    " marital_status family_status photo picture image references recommendations referees"
    " people_also_viewed similarly_named_profiles resume_html html"
)
"""Fields that are left out of the judgment on purpose: contact data, what the law keeps out of a
verdict, text about or by other people, and copies with markup."""

_PREFIXES = ("linkedin_", "candidate_", "profile_", "current_", "accomplishment_", "applicant_")
_PREVIOUS = "previous_"
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ACCENT = re.compile(r"(?<=[A-Za-z])[\u0300-\u036f]+")
_NOT_WORD = re.compile(r"\W+")
_NUMBERED = re.compile(r"(.+?)_?(\d{1,2})|([a-z]+)_(\d{1,2})_(.+)")


@lru_cache(maxsize=4096)
def canonical(name: str) -> str:
    """Returns a name in the one spelling that the tables have: `job_title` for `jobTitle`."""
    if not name.isascii():
        name = _ACCENT.sub("", unicodedata.normalize("NFKD", name))
    if name.isascii():
        return "_".join(_WORD.findall(name.replace("LinkedIn", "Linkedin"))).lower()
    return _NOT_WORD.sub("_", name.strip()).lower()


@lru_cache(maxsize=4096)
def role_of(name: str) -> Role | None:
    """Returns the role of a field by its name; None if the name is unknown."""
    found = canonical(name)
    role = _ROLES.get(found)
    if role is not None:
        return role
    prefix = next((prefix for prefix in _PREFIXES if found.startswith(prefix)), "")
    bare = found.removeprefix(prefix)
    if prefix and (role := _ROLES.get(bare)):
        return role._replace(rank=role.rank + len(_ROLES))
    if bare.startswith(_PREVIOUS) and (role := _PARTS.get(bare.removeprefix(_PREVIOUS))):
        return role._replace(number=2)
    return _numbered(bare)


def is_wrapper(name: str) -> bool:
    """Returns whether an object under this name only holds further fields of the profile."""
    return canonical(name) in _WRAPPER_NAMES


def is_known(name: str) -> bool:
    """Returns whether exports use a name for a field, so that it is not data of a candidate."""
    return role_of(name) is not None or is_wrapper(name) or canonical(name) in _ASIDE


def is_set_aside(path: str) -> bool:
    """Returns whether a field of a record, by its dotted path, is left out on purpose."""
    parts = path.split(".")
    is_name = not any(part.endswith("[]") for part in parts[:-1]) and name_role(parts[-1])
    return bool(is_name) or any(canonical(part) in _ASIDE for part in parts)


def _numbered(name: str) -> Role | None:
    """Returns the role of `job_title_2`, `company_2` and `experience_2_title`."""
    match = _NUMBERED.fullmatch(name)
    if match is None:
        return None
    part, number = (match[1], match[2]) if match[1] else (match[5], match[4])
    if match[3] and match[3] not in ("experience", "job", "work", "position", "education"):
        return None
    role = (_DEGREES if match[3] == "education" else _PARTS).get(part)
    return role._replace(number=int(number)) if role else None


def _ranked(kind: Kind, names: Mapping[str, str]) -> dict[str, Role]:
    return {
        name: Role(kind, target, rank, name.replace("_", " ").capitalize())
        for target, spellings in names.items()
        for rank, name in enumerate(spellings.split())
    }


_DEGREES = _ranked("degree", _DEGREE_PARTS)
_PARTS = _DEGREES | _ranked("job", _JOB_PARTS)
_ASIDE = frozenset(_SET_ASIDE.split())
_WRAPPER_NAMES = frozenset(_WRAPPERS.split())
_ROLES: Mapping[str, Role] = {
    **_ranked("wrapper", {name: name for name in _WRAPPER_NAMES}),
    **{name: role for name, role in _PARTS.items() if name not in _ONLY_NUMBERED},
    **_ranked("section", {"resume_text": _SECTIONS}),
    **_ranked("text", {"resume_text": " ".join((*FULL_TEXTS, *_PARTIAL_TEXTS))}),
    **_ranked("place", PLACES),
    **_ranked("list", _LISTS),
    **_ranked("column", _COLUMNS),
}
