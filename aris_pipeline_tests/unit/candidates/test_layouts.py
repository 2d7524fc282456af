"""Exports of other tools: what a candidate's prompt says of them. All people are invented."""

import json
from typing import Any

from aris_pipeline.prompts.profiles import profile_text

from .conftest import Desk


def shown(desk: Desk, record: dict[str, Any]) -> str:
    """The text of the profile that a record becomes."""
    batch = desk.land("a.jsonl", json.dumps({"id": "a", **record}))
    desk.validate(batch)
    assert desk.quarantine(batch) == []
    return profile_text(desk.candidates(batch)[0])


def unused(desk: Desk, record: dict[str, Any]) -> Any:
    """What of a record no profile has a place for."""
    batch = desk.land("b.jsonl", json.dumps({"id": "a", **record}))
    desk.validate(batch)
    return json.loads(desk.candidates(batch)[0]["extra"] or "{}")


def shown_row(desk: Desk, header: str, row: str, **options: str) -> str:
    """The text of the profile that a row of a CSV file becomes."""
    batch = desk.land("a.csv", f"{header}\n{row}\n", **options)
    desk.validate(batch)
    return profile_text(desk.candidates(batch)[0])


LINKEDIN = {
    "full_name": "Jane Roe",
    "headline": "Staff Engineer | Distributed systems",
    "occupation": "Staff Engineer at Northwind",
    "summary": "I build storage engines.",
    "city": "Springfield",
    "country_full_name": "Freedonia",
    "experiences": [
        {
            "title": "Staff Engineer",
            "company": "Northwind",
            "company_linkedin_profile_url": "https://www.linkedin.com/company/northwind",
            "starts_at": {"day": 1, "month": 3, "year": 2019},
            "ends_at": None,
            "description": "Storage engine in Rust.",
            "location": "Springfield",
        },
        {
            "title": "Engineer",
            "company": "Contoso",
            "starts_at": {"day": 1, "month": 9, "year": 2015},
            "ends_at": {"day": 28, "month": 2, "year": 2019},
            "description": None,
        },
    ],
    "education": [
        {
            "school": "Springfield University",
            "degree_name": "BSc",
            "field_of_study": "Computer Science",
            "starts_at": {"day": 1, "month": 9, "year": 2011},
            "ends_at": {"day": 30, "month": 6, "year": 2015},
            "activities_and_societies": "Robotics club",
        }
    ],
    "skills": ["Rust", "Raft"],
    "languages": ["English", "Sylvanian"],
    "accomplishment_projects": [
        {"title": "Toy database", "description": "Ten stars", "url": "https://example.com/db"}
    ],
    "certifications": [{"name": "Cloud Architect", "authority": "Fabrikam"}],
}


def test_a_linkedin_profile_is_shown_whole(desk: Desk) -> None:
    assert (
        shown(desk, LINKEDIN)
        == """\
Title: Staff Engineer | Distributed systems
Location: Springfield, Freedonia
Jobs:
- Staff Engineer, Northwind, 2019-03 to now: Storage engine in Rust.
- Engineer, Contoso, 2015-09 to 2019-02
Education:
- BSc Computer Science, Springfield University, 2015-06
Skills: Rust, Raft
Resume:
I build storage engines.

Languages:
- English
- Sylvanian
Projects:
- Toy database, Ten stars
Certifications:
- Cloud Architect, Fabrikam
Occupation: Staff Engineer at Northwind
Education notes:
- Springfield University: Robotics club"""
    )


JSON_RESUME = {
    "basics": {
        "name": "Jane Roe",
        "label": "Programmer",
        "email": "jane@example.com",
        "summary": "Writes compilers.",
        "location": {"city": "Springfield", "countryCode": "FD", "region": "North"},
        "profiles": [{"network": "GitHub", "username": "jroe", "url": "https://github.com/jroe"}],
    },
    "work": [
        {
            "name": "Northwind",
            "position": "Lead",
            "startDate": "2019-03-01",
            "endDate": "2021-05-31",
            "summary": "Led the team.",
            "highlights": ["Halved build times", "Hired four people"],
            "url": "https://northwind.example",
        }
    ],
    "education": [
        {
            "institution": "Springfield University",
            "area": "Mathematics",
            "studyType": "BSc",
            "endDate": "2015-06-30",
            "courses": ["Number theory", "Logic"],
        }
    ],
    "skills": [{"name": "Compilers", "level": "Master", "keywords": ["LLVM", "MLIR"]}],
    "projects": [{"name": "Tiny C", "description": "A compiler", "highlights": ["Self-hosting"]}],
    "volunteer": [{"organization": "Code club", "position": "Teacher", "summary": "Taught Go."}],
    "awards": [{"title": "Best paper", "awarder": "Compiler Days", "date": "2020-01-01"}],
    "publications": [{"name": "Fast linking", "publisher": "Journal of Tools"}],
    "certificates": [{"name": "Cloud Architect", "issuer": "Fabrikam"}],
    "languages": [{"language": "English", "fluency": "Native"}],
}


def test_a_json_resume_is_shown_whole(desk: Desk) -> None:
    assert (
        shown(desk, JSON_RESUME)
        == """\
Title: Programmer
Location: Springfield, North, FD
Jobs:
- Lead, Northwind, 2019-03 to 2021-05: Led the team. Halved build times, Hired four people
Education:
- BSc Mathematics, Springfield University, 2015-06
Skills: Compilers (level: Master), LLVM, MLIR
Resume:
Writes compilers.

Projects:
- Tiny C, A compiler, Self-hosting
Volunteer:
- Code club, Teacher, Taught Go.
Awards:
- Best paper, Compiler Days, 2020-01-01
Publications:
- Fast linking, Journal of Tools
Certificates:
- Cloud Architect, Fabrikam
Languages:
- English, Native
Education notes:
- Springfield University: Number theory, Logic"""
    )
    assert unused(desk, JSON_RESUME)["basics"].keys() == {"name", "email", "profiles"}


def test_the_columns_of_phantombuster_make_jobs_and_degrees(desk: Desk) -> None:
    header = (
        "profileUrl,firstName,lastName,headline,linkedinDescription,jobTitle,company,jobDateRange,"
        "jobTitle2,company2,jobDateRange2,school,schoolDegree,schoolDateRange,allSkills"
    )
    row = (
        "https://www.linkedin.com/in/jroe,Jane,Roe,Storage | Rust,I build storage engines.,"
        "Staff Engineer,Northwind,Mar 2019 - Present,Engineer,Contoso,Sep 2015 - Feb 2019,"
        "Springfield University,BSc,2011 - 2015,"
    )
    assert (
        shown_row(desk, header, row)
        == """\
Title: Staff Engineer at Northwind
Jobs:
- Staff Engineer, Northwind, Mar 2019 to now
- Engineer, Contoso, Sep 2015 to Feb 2019
Education:
- BSc, Springfield University, 2011 - 2015
Resume:
I build storage engines.

Headline: Storage | Rust"""
    )


def test_phantombuster_has_later_names_too(desk: Desk) -> None:
    header = (
        "linkedinProfileUrl,firstName,linkedinHeadline,linkedinJobTitle,companyName,"
        "linkedinJobDateRange,linkedinJobDescription,linkedinPreviousJobTitle,previousCompanyName,"
        "linkedinSchoolName,linkedinSchoolDegree,linkedinSkillsLabel"
    )
    row = (
        "https://www.linkedin.com/in/jroe,Jane,Storage | Rust,Staff Engineer,Northwind,"
        "Mar 2019 - Present,Leads four people,Engineer,Contoso,Springfield University,BSc,"
        '"Rust, Raft"'
    )
    assert (
        shown_row(desk, header, row)
        == """\
Title: Staff Engineer at Northwind
Jobs:
- Staff Engineer, Northwind, Mar 2019 to now: Leads four people
- Engineer, Contoso
Education:
- BSc, Springfield University
Skills: Rust, Raft
Resume:
Headline: Storage | Rust"""
    )


def test_the_description_of_an_offer_is_not_the_candidate_s(desk: Desk) -> None:
    row = "Builds engines.,We look for a cook."
    assert shown_row(desk, "resume,job_description", row) == "Resume:\nBuilds engines."


LEVER = {
    "name": "Jane Roe",
    "headline": "Storage engineer",
    "location": "Springfield",
    "emails": ["jane@example.com"],
    "tags": ["Backend"],
    "createdAt": 1407460071043,
    "resumes": [
        {
            "file": {"name": "resume.pdf"},
            "parsedData": {
                "positions": [
                    {
                        "org": "Northwind",
                        "title": "Staff Engineer",
                        "summary": "Storage engine in Rust.",
                        "start": {"year": 2019, "month": 3},
                        "end": {"year": 2021, "month": 5},
                    }
                ],
                "schools": [
                    {
                        "org": "Springfield University",
                        "degree": "BSc",
                        "field": "Mathematics",
                        "end": {"year": 2015, "month": 6},
                    }
                ],
            },
        }
    ],
}
GREENHOUSE = {
    "first_name": "Jane",
    "last_name": "Roe",
    "company": "Northwind",
    "title": "Staff Engineer",
    "attachments": [{"filename": "resume.pdf", "url": "https://example.com/1", "type": "resume"}],
    "employments": [
        {
            "id": 8,
            "company_name": "Contoso",
            "title": "Engineer",
            "start_date": "2015-09-01T00:00:00.000Z",
            "end_date": "2019-02-28T00:00:00.000Z",
        }
    ],
    "educations": [
        {
            "id": 5,
            "school_name": "Springfield University",
            "degree": "Bachelor's Degree",
            "discipline": "Mathematics",
            "end_date": "2015-06-30T00:00:00.000Z",
        }
    ],
    "tags": ["Backend"],
    "applications": [{"answers": [{"question": "Why?", "answer": "I like storage engines."}]}],
}


def test_candidates_of_lever_and_greenhouse_have_their_jobs_and_schools(desk: Desk) -> None:
    assert (
        shown(desk, LEVER)
        == """\
Title: Storage engineer
Location: Springfield
Jobs:
- Staff Engineer, Northwind, 2019-03 to 2021-05: Storage engine in Rust.
Education:
- BSc Mathematics, Springfield University, 2015-06
Resume:
Tags:
- Backend"""
    )
    assert (
        shown(desk, GREENHOUSE)
        == """\
Title: Staff Engineer at Northwind
Jobs:
- Engineer, Contoso, 2015-09 to 2019-02
Education:
- Bachelor's Degree Mathematics, Springfield University, 2015-06
Resume:
Tags:
- Backend"""
    )
    assert "I like storage engines." in json.dumps(unused(desk, GREENHOUSE))


EUROPASS = {
    "SkillsPassport": {
        "Locale": "en",
        "LearnerInfo": {
            "Identification": {"PersonName": {"FirstName": "Jane", "Surname": "Roe"}},
            "Headline": {"Description": {"Code": "2512", "Label": "Software developer"}},
            "WorkExperience": [
                {
                    "Period": {"From": {"Year": 2019, "Month": 3}, "Current": True},
                    "Position": {"Code": "2512", "Label": "Staff Engineer"},
                    "Activities": "<p>Storage engine in <b>Rust</b></p>",
                    "Employer": {"Name": "Northwind"},
                }
            ],
            "Education": [
                {
                    "Period": {"From": {"Year": 2011}, "To": {"Year": 2015}},
                    "Title": "BSc",
                    "Organisation": {"Name": "Springfield University"},
                    "Field": {"Code": "48", "Label": "Computing"},
                }
            ],
            "Skills": {
                "Linguistic": {
                    "MotherTongue": [{"Description": {"Code": "en", "Label": "English"}}]
                },
                "Computer": {"Description": "Linux"},
            },
        },
    }
}


def test_a_europass_is_shown_whole(desk: Desk) -> None:
    assert (
        shown(desk, EUROPASS)
        == """\
Title: Software developer
Jobs:
- Staff Engineer, Northwind, 2019-03 to now: Storage engine in Rust
Education:
- BSc Computing, Springfield University, 2015
Resume:
Skills:
- Linguistic: English
- Computer: Linux"""
    )


HR_OPEN = {
    "candidate": {
        "person": {"name": {"given": "Jane", "family": "Roe"}},
        "profiles": [
            {
                "executiveSummary": "Builds storage engines.",
                "employment": [
                    {
                        "organization": {"name": "Northwind"},
                        "positionHistories": [
                            {"title": "Staff Engineer", "start": "2019-03-01", "current": True},
                            {"title": "Engineer", "start": "2015-09-01", "end": "2019-02-28"},
                        ],
                    }
                ],
                "education": [
                    {
                        "institution": "Springfield University",
                        "degrees": [{"name": "BSc", "specializations": ["Mathematics"]}],
                    }
                ],
                "certifications": [{"name": "Cloud Architect"}],
            }
        ],
    }
}
HR_XML = {
    "Resume": {
        "StructuredXMLResume": {
            "ExecutiveSummary": "Builds storage engines.",
            "EmploymentHistory": {
                "EmployerOrg": [
                    {
                        "EmployerOrgName": "Northwind",
                        "PositionHistory": [
                            {
                                "Title": "Staff Engineer",
                                "StartDate": {"YearMonth": "2019-03"},
                                "EndDate": {"StringDate": "current"},
                            }
                        ],
                    }
                ]
            },
            "EducationHistory": {
                "SchoolOrInstitution": [
                    {
                        "School": [{"SchoolName": "Springfield University"}],
                        "Degree": [{"DegreeName": "BSc", "DegreeDate": {"Year": "2015"}}],
                    }
                ]
            },
            "Qualifications": {"Competency": [{"name": "Rust"}]},
        }
    }
}


def test_positions_and_degrees_of_hr_open_are_each_one_of_their_own(desk: Desk) -> None:
    assert (
        shown(desk, HR_OPEN)
        == """\
Jobs:
- Staff Engineer, Northwind, 2019-03 to now
- Engineer, Northwind, 2015-09 to 2019-02
Education:
- BSc Mathematics, Springfield University
Resume:
Builds storage engines.

Certifications:
- Cloud Architect"""
    )
    assert (
        shown(desk, HR_XML)
        == """\
Jobs:
- Staff Engineer, Northwind, 2019-03 to now
Education:
- BSc, Springfield University, 2015
Resume:
Builds storage engines.

Qualifications:
- Competency: Rust"""
    )


def test_columns_have_the_same_names_in_every_spelling(desk: Desk) -> None:
    row = '"Staff Engineer",Northwind,"Go, Rust","Writes Go.","Builds engines."'
    texts = [
        shown_row(desk, header, row)
        for header in (
            "current_title,current_company,skills,about,resume_text",
            "Job Title,Company Name,Key Skills,About Me,Resume",
            "jobTitle,companyName,technicalSkills,About,resumeText",
            "job-title,company-name,TECHNICAL SKILLS,about-me,Resume_str",
        )
    ]
    assert {text.replace("About me:", "About:") for text in texts} == {
        "Title: Staff Engineer at Northwind\nSkills: Go, Rust\nResume:\nBuilds engines.\n\n"
        "About: Writes Go."
    }


def test_jobs_as_json_text_in_a_column_are_jobs(desk: Desk) -> None:
    row = '"[{""company"": ""Northwind"", ""title"": ""Lead"", ""start_year"": 2019}]",Eight years.'
    assert shown_row(desk, "career_history,profile_summary", row) == (
        "Jobs:\n- Lead, Northwind, 2019\nResume:\nEight years."
    )


def test_a_column_of_links_gives_way_to_one_with_text(desk: Desk) -> None:
    header, link = "Name,Profile,Summary", "https://www.linkedin.com/in/jane-roe"
    expected = "Resume:\nEight years of Go."
    assert shown_row(desk, header, f"Jane Roe,{link},Eight years of Go.") == expected
    assert shown_row(desk, header, "Jane Roe,,Eight years of Go.") == expected


def test_lines_know_the_same_names_for_text_as_tables(desk: Desk) -> None:
    for name in ("text", "Resume_str", "summary", "cv", "Profile", "content"):
        assert shown(desk, {name: "Chef for years"}) == "Resume:\nChef for years"


def test_the_named_text_field_holds_for_lines_and_aris_exports_too(desk: Desk) -> None:
    record = {"id": "a", "text": "wrong", "notes": "right", "key": "k"}
    options = {"text_column": "notes", "id_column": "key"}
    lines = desk.land("a.jsonl", json.dumps(record), **options)
    export = {"aristotleId": "a", "key": "k", "gemData": {"text": "wrong"}, "notes": "right"}
    aris = desk.land("a.json", json.dumps({"candidates": [export]}), **options)
    for batch in (lines, aris):
        desk.validate(batch)
        (row,) = desk.candidates(batch)
        assert (row["custom_id"], row["resume_text"]) == ("k", "right")
        assert '"text": "wrong"' in row["extra"]


def test_the_outcome_in_a_table_and_a_salutation_are_no_title(desk: Desk) -> None:
    expected = "Resume:\nEight years of Go."
    assert shown_row(desk, "resume,label", "Eight years of Go.,Rejected") == expected
    assert shown_row(desk, "Resume,Label", "Eight years of Go.,Rejected") == expected
    assert shown_row(desk, "resume,Title", "Eight years of Go.,Ms") == expected
    assert shown(desk, {"resume": "Eight years of Go.", "position": 3}) == expected


def test_text_is_found_where_another_column_says_only_where_it_is(desk: Desk) -> None:
    row = "https://drive.example/cv.pdf,<p>Cloud engineer with AWS</p>"
    assert shown_row(desk, "Resume,Resume_html", row) == "Resume:\nCloud engineer with AWS"
