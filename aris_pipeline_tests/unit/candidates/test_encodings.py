"""Text that is not UTF-8: refused with its encoding named, or read by the one that is named."""
# ruff: noqa: RUF001 - letters and marks of many languages

import gzip
import io
import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aris_pipeline.candidates import stray_bytes
from aris_pipeline.errors import ConfigError, InputError

from .conftest import Desk

CHINESE = "高级后端工程师，五年分布式系统经验，负责支付系统的重构。"
TAIWANESE = "資深後端工程師，畢業於國立臺灣大學資訊工程學系，負責支付系統。"
JAPANESE = "ソフトウェアエンジニアです。大学で情報工学を学び、分散システムを開発しました。"
KOREAN = "백엔드 개발자, 컴퓨터공학과 졸업. 결제 시스템과 데이터베이스를 담당했습니다."
RUSSIAN = "Инженер-программист, пять лет разрабатывал распределенные системы на Go."
UKRAINIAN = "Розробниця програмного забезпечення, п'ять років досвіду з базами даних."
GREEK = "Μηχανικός λογισμικού με πέντε χρόνια εμπειρία σε κατανεμημένα συστήματα."
ARABIC = "مهندس برمجيات تخرج من جامعة القاهرة وله خمس سنوات من الخبرة"
HEBREW = "מהנדס תוכנה בוגר האוניברסיטה העברית עם חמש שנות ניסיון"
THAI = "วิศวกรซอฟต์แวร์ จบจากจุฬาลงกรณ์มหาวิทยาลัย มีประสบการณ์ห้าปี"
POLISH = "Inżynier oprogramowania, pięć lat doświadczenia, zarządzał zespołem w Łodzi."
CZECH = "Vývojář softwaru, pět let zkušeností s databázemi, řídil tým v Plzni."
HUNGARIAN = "Szoftverfejlesztő mérnök, öt év tapasztalat, a műszaki egyetemen végzett, vezető."
TURKISH = "Yazılım mühendisi, beş yıl dağıtık sistemler deneyimi, ekip yönetti, başarılı."
FRENCH = "Ingénieur logiciel diplômé de l'École Polytechnique, cinq années d'expérience."
GERMAN = "Softwareentwickler für Verkäufe, führte Übungen in Köln, zuständig für Größe."
SPANISH = "Ingeniero de software en España, graduado en Málaga, gestión de niños y añadidos."
PORTUGUESE = "Programador, coordenação de equipas, integração contínua, São Paulo, João."
FINNISH = "Ohjelmistokehittäjä, hääyöaie, työskenteli viisi vuotta Jyväskylässä."
DANISH = "Softwareudvikler, fem års erfaring på tværs af systemer i København, læste øko."

FOREIGN = [
    (CHINESE, "gbk", "gb18030"),
    (CHINESE, "gb18030", "gb18030"),
    (TAIWANESE, "big5", "big5"),
    (JAPANESE, "shift_jis", "cp932"),
    (JAPANESE, "euc_jp", "euc_jp"),
    (JAPANESE, "iso2022_jp", "iso2022_jp"),
    (KOREAN, "euc_kr", "cp949"),
    (RUSSIAN, "windows-1251", "cp1251"),
    (RUSSIAN, "koi8-r", "koi8_r"),
    (RUSSIAN, "cp866", "cp866"),
    (UKRAINIAN, "windows-1251", "cp1251"),
    (GREEK, "windows-1253", "cp1253"),
    (ARABIC, "windows-1256", "cp1256"),
    (HEBREW, "windows-1255", "cp1255"),
    (THAI, "tis-620", "cp874"),
    (POLISH, "windows-1250", "cp1250"),
    (POLISH, "iso-8859-2", "iso8859_2"),
    (CZECH, "windows-1250", "cp1250"),
    (HUNGARIAN, "windows-1250", "cp1250"),
    (TURKISH, "windows-1254", "cp1254"),
    (GERMAN, "mac_roman", "mac_roman"),
    (FRENCH, "cp850", "cp850"),
    (RUSSIAN, "utf-7", "utf_7"),
    (CHINESE, "utf-16", "utf-16"),
    (CHINESE, "utf-16-le", "utf-16-le"),
    (KOREAN, "utf-16-be", "utf-16-be"),
    (FRENCH, "utf-32", "utf-32"),
    (RUSSIAN, "utf-32-be", "utf-32-be"),
]


def as_csv(text: str) -> str:
    return "".join(f"{row}\r\n" for row in ("id,Resume", *(f'{n},"{text}"' for n in (1, 2, 3))))


def as_lines(text: str) -> str:
    rows = ({"id": str(number), "resume_text": text} for number in (1, 2, 3))
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def as_export(text: str) -> str:
    candidates = [
        {"aristotleId": str(number), "gemData": {"title": "x", "resume_text": text}}
        for number in (1, 2, 3)
    ]
    return json.dumps({"metadata": {}, "candidates": candidates}, ensure_ascii=False)


FILES: dict[str, Any] = {"a.csv": as_csv, "a.jsonl": as_lines, "a.json": as_export}


def _in_latin_1(text: str) -> bytes:
    return text.encode("latin-1")


def texts(desk: Desk, name: str, content: bytes, **options: Any) -> list[str]:
    batch = desk.land(name, content, **options)
    desk.validate(batch)
    assert batch.quarantined == 0
    return [row["resume_text"] for row in desk.candidates(batch)]


@pytest.mark.parametrize(("text", "encoding", "named"), FOREIGN)
@pytest.mark.parametrize("name", FILES)
def test_another_encoding_is_refused_by_name_and_read_by_the_option_that_is_proposed(
    desk: Desk, name: str, text: str, encoding: str, named: str
) -> None:
    content = FILES[name](text).encode(encoding)

    with pytest.raises(InputError, match=rf"--encoding {named}$"):
        desk.land(name, content)
    assert desk.store.batches() == []

    assert texts(desk, name, content, encoding=named) == [text] * 3
    assert texts(desk, f"{name}.gz", gzip.compress(content), encoding=encoding) == [text] * 3


@pytest.mark.parametrize("text", [FRENCH, GERMAN, SPANISH, PORTUGUESE, FINNISH, DANISH])
@pytest.mark.parametrize("name", FILES)
def test_a_file_in_latin_1_is_read_and_counted_in_a_warning(
    desk: Desk, name: str, text: str
) -> None:
    content = FILES[name](text).encode("cp1252")

    assert texts(desk, name, content) == [text] * 3

    (batch,) = desk.store.batches()
    (warning,) = batch.warnings
    first = 2 if name == "a.csv" else 1
    assert warning.startswith(
        f"3 records, the first at line {first}, hold bytes that are not UTF-8"
    )


def test_single_bytes_of_latin_1_stand_beside_utf_8(desk: Desk) -> None:
    rows = [b"id,Resume", "1,Łódź 東京".encode(), b"2,Caf\xe9", "3,Ærø".encode()]

    assert texts(desk, "a.csv", b"\n".join(rows)) == ["Łódź 東京", "Café", "Ærø"]

    (batch,) = desk.store.batches()
    assert batch.warnings[0].startswith("1 record, at line 3, holds bytes")


def test_utf_8_has_no_warning(desk: Desk) -> None:
    for text in (CHINESE, FRENCH, RUSSIAN, "C++Builder, +49-1234-5678, Java+Go+Rust, ~{x~}"):
        batch = desk.land("a.csv", as_csv(text))
        assert batch.warnings == []


def test_a_row_in_another_encoding_is_quarantined_and_the_others_stay(desk: Desk) -> None:
    good = [
        json.dumps({"id": f"g{n}", "title": "Ingénieur"}, ensure_ascii=False) for n in range(30)
    ]
    bad = json.dumps({"id": "bad", "title": CHINESE}, ensure_ascii=False)
    lines = [line.encode() for line in good] + [bad.encode("gbk")]

    batch = desk.land("a.jsonl", b"\n".join(lines))

    assert desk.ids(batch) == [f"g{n}" for n in range(30)]
    assert desk.rules(batch) == [(31, "wrong_encoding")]
    assert "--encoding" in desk.landing_quarantine(batch)[0]["message"]

    export = b'{"candidates": [' + b",\n".join(
        line.replace(b'"id"', b'"aristotleId"') for line in lines
    )
    batch = desk.land("a.json", export + b"]}")

    assert desk.ids(batch) == [f"g{n}" for n in range(30)]
    (row,) = desk.landing_quarantine(batch)
    assert (row["line"], row["rule"], row["custom_id"]) == (31, "wrong_encoding", "bad")


def test_a_part_in_another_encoding_that_begins_late_is_never_judged(desk: Desk) -> None:
    good = as_csv(FRENCH).encode() + b'9,"Baker with a long text %s"\n' % (b"x" * 3000) * 1500
    rows = good.replace(b"9,", b",")

    batch = desk.land("a.csv", rows + f'10,"{RUSSIAN}"\n'.encode("koi8-r"))

    assert desk.rules(batch) == [(rows.count(b"\n") + 1, "wrong_encoding")]
    assert sum(batch.shard_rows) == 1503


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        (CHINESE, "utf-16", "is UTF-8, not utf-16: leave --encoding utf-16 out"),
        ("plain", "utf-32", "is UTF-8, not utf-32"),
        (CHINESE, "gbk", "is UTF-8, not gb18030"),
        (FRENCH * 10, "windows-1250", "is UTF-8, not cp1250"),
    ],
)
def test_an_encoding_that_is_not_the_files_is_refused(
    desk: Desk, text: str, encoding: str, expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        desk.land("a.csv", as_csv(text), encoding=encoding)
    with pytest.raises(InputError, match=r"is not euc_jp: .* cannot be read so"):
        desk.land("b.csv", as_csv(RUSSIAN).encode("koi8-r"), encoding="euc-jp")


@pytest.mark.parametrize("name", ["nonsense", "base64", ""])
def test_the_name_of_no_encoding_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(ConfigError, match=f"'{name}' is not the name of an encoding"):
        desk.land("a.csv", as_csv("x"), encoding=name)


def test_the_encoding_is_part_of_what_a_batch_is(desk: Desk) -> None:
    content = as_csv("Engineer").encode()

    plain = desk.land("a.csv", content)
    named = desk.land("a.csv", content, encoding="windows-1250")

    assert desk.land("b.csv", content) == plain
    assert desk.land("b.csv", content, encoding="cp1250") == named
    assert named.digest != plain.digest


def test_bytes_that_the_named_encoding_does_not_have_are_counted(desk: Desk) -> None:
    content = as_csv(CHINESE).encode("gb18030") + b"4,Engineer\xff in Pune\n"

    batch = desk.land("a.csv", content, encoding="gb18030")

    assert sum(batch.shard_rows) == 4
    assert batch.warnings[0].startswith("1 record, at line 5, holds bytes that are not")


def test_an_encoding_that_nobody_knows_is_refused_all_the_same(desk: Desk) -> None:
    with pytest.raises(InputError, match=r"its encoding is not known: .* --encoding NAME"):
        desk.land("a.csv", as_csv("Engineer at Acme").encode("cp037"))
    desk.land("a.csv", as_csv("Engineer at Acme").encode("cp037"), encoding="cp037")


def test_a_long_file_with_lines_that_could_be_utf_8_is_refused(desk: Desk) -> None:
    # Of this word more characters are UTF-8 by chance than bytes are not.
    rows = ["熟悉分布式系统"] * 3_000 + [CHINESE] * 9_000
    content = "id,Resume\n" + "".join(f"{n},{text}\n" for n, text in enumerate(rows))
    with pytest.raises(InputError, match=r"--encoding gb18030$"):
        desk.land("a.csv", content.encode("gb18030"))


def test_emoji_as_java_writes_them_are_read(desk: Desk) -> None:
    emoji = "\U0001f600".encode("utf-16-be")
    as_java = b"".join(
        int.from_bytes(emoji[at : at + 2])
        .to_bytes(2)
        .decode("utf-16-be", "surrogatepass")
        .encode("utf-8", "surrogatepass")
        for at in (0, 2)
    )
    for name, write in FILES.items():
        content = write(f"{CHINESE}@").encode().replace(b"@", as_java * 3)
        assert texts(desk, name, content) == [f"{CHINESE}\U0001f600\U0001f600\U0001f600"] * 3
    assert [batch.warnings for batch in desk.store.batches()] == [[], [], []]


def test_cells_that_a_database_cut_inside_a_character_are_no_other_encoding(desk: Desk) -> None:
    rows = [f"{number},{CHINESE}".encode()[:-1] for number in range(50)]
    batch = desk.land("a.csv", b"id,Resume\n" + b"\n".join(rows) + b"\n")
    desk.validate(batch)
    assert all(row["resume_text"].startswith(CHINESE[:-1]) for row in desk.candidates(batch))
    assert (len(desk.candidates(batch)), batch.quarantined) == (50, 0)
    assert batch.warnings[0].startswith("50 records")


@settings(deadline=None)
@given(raw=st.binary(max_size=40) | st.text(st.characters(max_codepoint=255)).map(_in_latin_1))
def test_what_is_not_suspicious_is_explained(raw: bytes) -> None:
    if not stray_bytes._SUSPICIOUS.search(raw):
        assert stray_bytes.implausible(raw)[0] == 0


def test_binary_text_of_parquet_in_another_encoding_is_not_judged_as_replacement_characters(
    desk: Desk,
) -> None:
    columns = {
        "id": ["cn", "fr", "hash"],
        "resume": [CHINESE.encode("gb18030") * 3, (FRENCH * 3).encode("cp1252"), b"Engineer"],
        "sha256": [b"\x00\xff" * 16, bytes(range(200, 232)), b"\xff" * 32],
    }
    content = io.BytesIO()
    pl.DataFrame(columns).write_parquet(content)

    batch = desk.land("a.parquet", content.getvalue())

    assert desk.rules(batch) == [(1, "wrong_encoding")]
    desk.validate(batch)
    profiles = {row["custom_id"]: str(row) for row in desk.candidates(batch)}
    assert profiles.keys() == {"fr", "hash"}
    assert FRENCH in profiles["fr"]
