# ruff: noqa: RUF001 - wide signs are what is tested
import pytest

from aris_pipeline.prompts.redaction import redact


@pytest.mark.parametrize(
    ("first", "last", "text", "expected"),
    [
        ("张伟", None, "张伟先生是工程师", "[name]先生是工程师"),
        ("明", "李", "李明的项目，李先生，光明", "[name]的项目，[name]先生，光明"),
        ("小明", "王", "王小明：小明负责，王经理", "[name]：[name]负责，[name]经理"),
        ("王小明", None, "王小明，小明，王 小明", "[name]，[name]，[name]"),
        ("欧阳娜娜", None, "欧阳老师，娜娜", "[name]老师，[name]"),
        (
            "太郎",
            "田中",
            "田中太郎は技師です。田中と申します",
            "[name]は技師です。[name]と申します",
        ),
        ("花子", "佐藤", "佐藤 花子、佐藤様、花子さん", "[name]、[name]様、[name]さん"),
        ("高橋一", None, "高橋一です。高橋さん", "[name]です。[name]さん"),
        ("タロウ", "タナカ", "タナカ・タロウ、キタロウ", "[name]、キタロウ"),
        ("さくら", "森", "森さくらです。さくらさん", "[name]です。[name]さん"),
        ("철수", "김", "김철수는 개발자, 철수 씨, 김 씨", "[name]는 개발자, [name] 씨, [name] 씨"),
        ("김민준", None, "김민준은 민준입니다. 김 민준", "[name]은 [name]입니다. [name]"),
        ("Jane", "Roe", "我是Jane Roe，Roe小姐，Janet", "我是[name]，[name]小姐，Janet"),
        ("Jane", "Roe", "Ｊａｎｅ　Ｒｏｅ、ＪＡＮＥ", "[name]、[name]"),
    ],
)
def test_east_asian_text_needs_no_blank_around_a_name(
    first: str, last: str | None, text: str, expected: str
) -> None:
    assert redact(text, first, last) == expected


def test_a_name_of_one_character_does_not_destroy_the_text_around_it() -> None:
    text = "高级工程师，明年毕业，中级职称。金融、文化"
    assert redact(text, "明", "高") == text
    assert redact(text, "文", "金") == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("JANE ROE\nName: Jane Roe\nEngineer", "[name]\nName: [name]\nEngineer"),
        ("Full Name : Jane Ann Roe | Go. Ann led", "Full Name : [name] | Go. [name] led"),
        ("NAME: JANE ROE, Engineer", "NAME: [name], Engineer"),
        ("Name: Jane Roe Email: j@x.org", "Name: [name] Email: [email]"),
        ("姓名：李明 性别：男\n李明负责", "姓名：[name] 性别：男\n[name]负责"),
        ("이름: 김민준\n김민준은", "이름: [name]\n[name]은"),
        ("Company Name: Northwind, File name: cv", "Company Name: Northwind, File name: cv"),
        ("Name: Jan van der Berg led it", "Name: [name] led it"),
        ("Domain name: DNS, name: resolution", "Domain name: DNS, name: resolution"),
        (
            "First Name: Jane\nSurname: Roe\nMs Roe",
            "First Name: [name]\nSurname: [name]\nMs [name]",
        ),
        ("Prénom : Jean\nNom : Dupont\nDupont", "Prénom : [name]\nNom : [name]\n[name]"),
        ("**Name:** Jane Roe\nJane did", "**Name:** [name]\n[name] did"),
        ("1. Name: Jane Roe\nJane did", "1. Name: [name]\n[name] did"),
        ("Name\nJane Roe\nEngineer", "Name\n[name]\nEngineer"),
        ("Name\nSoftware engineer at Acme", "Name\nSoftware engineer at Acme"),
        ("name: jane roe\nJane did", "name: [name]\n[name] did"),
        ("Project name: Apollo\nApollo was", "Project name: Apollo\nApollo was"),
        ("姓名：王 小明\n王小明负责", "姓名：[name]\n[name]负责"),
        ("ФИО: Иванов Иван\nИванов работал", "ФИО: [name]\n[name] работал"),
    ],
)
def test_without_a_name_in_a_field_one_behind_a_label_goes(text: str, expected: str) -> None:
    assert redact(text, None, None) == expected


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        ("\u0141ukasz", "Wa\u0142\u0119sa", "Lukasz Walesa"),
        ("J\u00fcrgen", "M\u00fcller", "Juergen Mueller"),
        ("S\u00f8ren", "Kj\u00e6rg\u00e5rd", "Soeren Kjaergaard"),
        ("Jane", None, "Name: Jane Smith"),
    ],
)
def test_a_name_goes_as_other_keyboards_write_it_and_behind_a_label(
    first: str, last: str | None, text: str
) -> None:
    assert redact(text, first, last) in ("[name]", "Name: [name]")


def test_titles_and_particles_of_a_name_are_no_names_by_themselves() -> None:
    text = "Dr. Jane van der Roe Jr. worked with Dr. Poe, van Poe and Poe Jr."
    expected = "[name] worked with Dr. Poe, van Poe and Poe Jr."
    assert redact(text, "Jane", "van der Roe", ("Dr. Jane van der Roe Jr.",)) == expected


def test_a_short_name_goes_in_lower_case_beside_the_other() -> None:
    text = "jane_roe_cv.pdf, roe.jane, Jane-Roe, a roe deer"
    assert redact(text, "Jane", "Roe") == "[name]_cv.pdf, [name], [name], a roe deer"


def test_every_further_name_goes_whole_and_in_parts() -> None:
    text = "Jane Ann Roe (née Poe, called Janie), formerly Ann Poe"
    expected = "[name] (née [name], called [name]), formerly [name] [name]"
    assert redact(text, "Jane", "Roe", ["Jane Ann Roe", "Poe", "Janie"]) == expected


def test_a_name_in_decomposed_letters_is_the_same_name() -> None:
    assert redact("José", "Jose\u0301", None) == "[name]"
