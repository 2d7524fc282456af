"""Files of candidates in many encodings, each text known, to be compared with what was landed."""
# ruff: noqa: RUF001 - texts in many languages

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from random import Random

TEXTS = {
    "gb18030": "高级后端工程师 负责支付系统的重构 熟悉分布式系统 五年经验 毕业于计算机学院",
    "big5": "資深後端工程師 負責支付系統 熟悉分散式系統 五年經驗 畢業於資訊工程學系",
    "cp932": "ソフトウェアエンジニア 分散システムの開発を担当 大学で情報工学を学びました 五年間",
    "euc_jp": "ソフトウェアエンジニア 分散システムの開発を担当 大学で情報工学を学びました 五年間",
    "cp949": "백엔드 개발자 결제 시스템을 담당했습니다 컴퓨터공학과 졸업 데이터베이스 오년간",
    "cp1251": "инженер-программист разрабатывал распределенные системы пять лет университет",
    "koi8_r": "инженер-программист разрабатывал распределенные системы пять лет университет",
    "cp866": "инженер-программист разрабатывал распределенные системы пять лет университет",
    "cp1253": "μηχανικός λογισμικού με πέντε χρόνια εμπειρία σε κατανεμημένα συστήματα απόφοιτος",
    "cp1255": "מהנדס תוכנה בוגר האוניברסיטה העברית עם חמש שנות ניסיון במערכות מבוזרות",
    "cp1256": "مهندس برمجيات تخرج من جامعة القاهرة وله خمس سنوات من الخبرة في الأنظمة الموزعة",
    "cp1250": "inżynier oprogramowania pięć lat doświadczenia zarządzał zespołem ukończył łódź",
    "cp1254": "yazılım mühendisi beş yıl dağıtık sistemler deneyimi ekip yönetti başarılı şirket",
    "cp874": "วิศวกรซอฟต์แวร์ จบจากจุฬาลงกรณ์มหาวิทยาลัย มีประสบการณ์ห้าปี ระบบแบบกระจาย",
    "utf-16": "développeur 工程师 инженер mühendis",
    "utf-16-le": "développeur 工程师 инженер mühendis",
    "utf-16-be": "développeur 工程师 инженер mühendis",
    "utf-32": "développeur 工程师 инженер mühendis",
}
"""Words in a language, by an encoding that has them."""

WESTERN = (
    "ingénieur logiciel Größe für Köln año niño coordenação São Paulo Ærø Malmö hääyöaie naïve"
)
"""Words that cp1252 has: single bytes of it are read beside UTF-8."""

ENDINGS: dict[str, str] = {"csv": "csv", "jsonl": "jsonl", "aris": "json"}
_LIKE_WESTERN = "cp1254"
"""All its letters are letters in cp1252 too: a file in it is refused, a row is only counted."""

_WORDS = 12
_STRANGE = 0.1
_WESTERN_SHARE = 0.2


@dataclass(frozen=True)
class EncodedFile:
    """A file of which every text is known.

    Attributes:
        path: the file.
        texts: by id, of the rows whose text is to come out as it is.
        strange: ids of the rows in an encoding of their own, which may not come out at all.
    """

    path: Path
    texts: dict[str, str]
    strange: set[str]


def write_encoded(
    form: str, encoding: str, records: int, rng: Random, directory: Path
) -> EncodedFile:
    """Writes a whole file in one encoding."""
    texts = {f"c{number}": _words(TEXTS[encoding], rng) for number in range(records)}
    head, between, tail = _frame(form)
    rows = [_row(form, custom_id, text) for custom_id, text in texts.items()]
    path = directory / f"{encoding}.{ENDINGS[form]}"
    path.write_bytes((head + between.join(rows) + tail).encode(encoding))
    return EncodedFile(path, texts, set())


def write_mixed(form: str, records: int, rng: Random, directory: Path) -> EncodedFile:
    """Writes a file of UTF-8 in which some rows are of cp1252 and some of anything else."""
    texts: dict[str, str] = {}
    strange: set[str] = set()
    rows: list[bytes] = []
    others = [name for name in TEXTS if not name.startswith("utf") and name != _LIKE_WESTERN]
    for number in range(records):
        custom_id, encoding = f"c{number}", "utf-8"
        language = rng.choice([*TEXTS])
        chance = rng.random()
        if chance < _STRANGE:
            language = encoding = rng.choice(others)
            strange.add(custom_id)
            text = TEXTS[language]
        elif chance < _STRANGE + _WESTERN_SHARE:
            encoding = "cp1252"
            text = _words(WESTERN, rng)
        else:
            text = _words(TEXTS[language], rng)
        if custom_id not in strange:
            texts[custom_id] = text
        rows.append(_row(form, custom_id, text).encode(encoding))
    head, between, tail = (part.encode() for part in _frame(form))
    path = directory / f"mixed.{ENDINGS[form]}"
    path.write_bytes(head + between.join(rows) + tail)
    return EncodedFile(path, texts, strange)


def _words(text: str, rng: Random) -> str:
    """A few words of a text among a few of ASCII, in any order."""
    words = [*text.split(), "Engineer", "at", "Acme", "Go", "Python"]
    return " ".join(rng.choices(words, k=rng.randint(1, _WORDS)))


def _frame(form: str) -> tuple[str, str, str]:
    if form == "aris":
        return '{"candidates": [\n', ",\n", "\n]}\n"
    return ("id,Resume\n" if form == "csv" else ""), "\n", "\n"


def _row(form: str, custom_id: str, text: str) -> str:
    if form == "csv":
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow([custom_id, text])
        return line.getvalue()
    key = "aristotleId" if form == "aris" else "id"
    return json.dumps({key: custom_id, "resume_text": text}, ensure_ascii=False)
