# ruff: noqa: RUF001 - wide signs are what is tested
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aris_pipeline.prompts.phones import redact_phones
from aris_pipeline.prompts.redaction import redact


def shown(text: str) -> str:
    return redact(text, "Jane", "Roe")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("217-555-0142 / 217-555-0143", "[phone] / [phone]"),
        ("Phone: 217-555-0142\n217-555-0143", "Phone: [phone]\n[phone]"),
        ("217-555-0142\t217-555-0143", "[phone]\t[phone]"),
        ("217-555-0142,217-555-0143;217-555-0144", "[phone],[phone];[phone]"),
        ("217-555-0142 or (217) 555-0143|217.555.0144", "[phone] or [phone]|[phone]"),
        ("(217)555-0142/(217)555-0143", "[phone]/[phone]"),
        ("+91 98765 43210 / 91234 56789 tester", "[phone] / [phone] tester"),
        ("9876543210/9123456780", "[phone]/[phone]"),
        ("98765 43210 91234 56789 80000 12345", "[phone] [phone] [phone]"),
        ("+12175550142 217 555 0142", "[phone] [phone]"),
        ("+91-9876543210/+91-9123456780", "[phone]/[phone]"),
        ("06 12 34 56 78 / 01 23 45 67 89", "[phone] / [phone]"),
        ("06 12 34 56 78 01 23 45 67 89", "[phone] [phone]"),
        ("030/1234567/0151/12345678", "[phone]/[phone]"),
        ("20 12 34 56 / 21 12 34 56", "[phone] / [phone]"),
    ],
)
def test_numbers_side_by_side_all_go(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tel.030 1234567", "Tel.[phone]"),
        ("M+49 151 12345678", "M[phone]"),
        ("phone:2175550142", "phone:[phone]"),
        ("Bangalore9876543210Email", "Bangalore[phone]Email"),
        ("JANE ROE9876543210", "[name][phone]"),
        ("电话13812345678，微信", "电话[phone]，微信"),
        ("電話090-1234-5678です", "電話[phone]です"),
        ("전화010-1234-5678입니다", "전화[phone]입니다"),
    ],
)
def test_a_number_needs_no_blank_before_or_after_it(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    "number",
    [
        "98765 43210", "06.12.34.56.78", "06/12/34/56/78", "+44 (0)20 7946 0018", "020 7946 0018",
        "555.123.4567", "(555) 123-4567", "555-0142", "+1 (415) 555-0123", "0049 151 12345678",
        "217-555-0142 ext. 12", "(555) 123-4567 x123", "030 1234567 #12", "9 8 7 6 5 4 3 2 1 0",
        "1 415 555 0123",
        "217\u2011555\u20110142", "217\u2013555\u20130142",
        "217\u2212555\u22120142", "217\xb7555\xb70142",
        "\uff10\uff19\uff10\uff0d\uff11\uff12\uff13\uff14\uff0d\uff15\uff16\uff17\uff18",
        "\uff0b\uff18\uff11\uff08\uff19\uff10\uff09\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
        "\u0669\u0668\u0667\u0666\u0665\u0664\u0663\u0662\u0661\u0660",
    ],
)  # fmt: skip
def test_local_forms_go(number: str) -> None:
    assert shown(f"Call {number}, please") == "Call [phone], please"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("217-555-0142\n2019 - 2021 Engineer", "[phone]\n2019 - 2021 Engineer"),
        ("2010-2014 98765 43210", "2010-2014 [phone]"),
        ("2019-03-01 217-555-0143", "2019-03-01 [phone]"),
        ("9876543210 10 years of Go", "[phone] 10 years of Go"),
        ("217-555-0142 62704", "[phone] 62704"),
    ],
)
def test_what_stands_beside_a_number_stays(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2019-03 to 2020-04", "2010 2011 2012 2013", "20190301-20200531", "201903 - 202004",
        "12/05/99 - 14/06/01", "1999/00 - 2003/04", "20190301120000", "03.2019 - 04.2020",
        "1 000 000 000 rows", "1000000000 rows", "$9876543210", "1,234,567,890 users",
        "12345678% more", "3.14159265", "v1.2.3456789", "10.0.19041.1234", "192.168.100.200",
        "ISBN 978-3-16-148410-0", "9783161484100", "DOI: 10.1145/3292500.3330701",
        "CVE-2021-44228", "INC0012345678", "US10,123,456 B2", "1 2 3 4 5 6 7 8",
    ],
)  # fmt: skip
def test_dates_counts_versions_and_identifiers_stay(text: str) -> None:
    assert shown(text) == text


def test_a_number_after_the_name_of_a_messenger_goes() -> None:
    assert shown("WhatsApp: 98765 43210, Skype: jane.roe") == "WhatsApp: [phone], [link]"


@settings(deadline=None)
@given(st.text(st.sampled_from("0123456789\u0663+()./ -\u2011\n,ax%"), max_size=60))
@example("+()1/1/1/1/1/1/1(+")
def test_a_text_with_fewer_digits_than_a_number_stays(text: str) -> None:
    if sum(char.isdigit() for char in text) < 7:
        assert redact_phones(text) == text
    else:
        assert redact_phones(redact_phones(text)).count("\n") <= text.count("\n")


@settings(deadline=None)
@given(
    numbers=st.lists(
        st.sampled_from(
            ["217-555-0142", "(217) 555-0143", "+49 151 12345678", "98765 43210", "9876543210"]
        ),
        min_size=1,
        max_size=4,
    ),
    between=st.sampled_from([" ", " / ", "/", ", ", "\n", "\t", " or ", " | ", " - ", "; "]),
    before=st.sampled_from(["", "Tel. ", "2015 - 2019\n", "Engineer, "]),
    after=st.sampled_from(["", "\n2010 - 2012", ", Go", "\nEngineer since 2019"]),
)
def test_no_digit_of_any_number_stays_and_nothing_else_goes(
    numbers: list[str], between: str, before: str, after: str
) -> None:
    text = shown(f"{before}{between.join(numbers)}{after}")
    assert text.startswith(before)
    assert text.endswith(after)
    inside = text[len(before) : len(text) - len(after)]
    assert not any(char.isdigit() for char in inside)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mobile: 91234567", "Mobile: [phone]"),
        ("Tel. No.: 5551234", "Tel. No.: [phone]"),
        ("手机：91234567，微信同号", "手机：[phone]，微信同号"),
        ("Тел: 2223344", "Тел: [phone]"),
        ("Contact IN-9876543210", "Contact IN-[phone]"),
        ("call 415_555_2671 today", "call [phone] today"),
    ],
)
def test_a_label_makes_a_number_of_few_digits(text: str, expected: str) -> None:
    assert redact_phones(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "mobile users: 91234567", "Mobile apps with 91234567 installs", "phone calls 12345678",
        "Mobile: 5000000 users", "build_2023_1234567", "JIRA-12345678", "RFC-9876543210987",
    ],
)  # fmt: skip
def test_counts_and_codes_near_a_label_stay(text: str) -> None:
    assert redact_phones(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("微信号：jane_roe88", "[link]"),
        ("QQ: 123456789", "[link]"),
        ("Telegram @jane_roe", "[link]"),
        ("Discord: jroe#1234", "[link]"),
        ("built bots for Telegram and Discord", "built bots for Telegram and Discord"),
        ("WeChat mini programs", "WeChat mini programs"),
    ],
)
def test_handles_of_messengers_go(text: str, expected: str) -> None:
    assert shown(text) == expected
