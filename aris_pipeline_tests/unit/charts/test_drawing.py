"""What holds for all pictures: when they load their library, where they work, what they show."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aris_pipeline.charts import projection_curve, token_histogram
from aris_pipeline.storage import Prompts
from aris_pipeline_tests.tables import table

pytestmark = pytest.mark.slow

_DRAW = (
    "import hashlib\n"
    "from aris_pipeline.charts import projection_curve\n"
    "png = projection_curve({'req_s': 2.0, 'load_s': 3.0})\n"
    "print(png[:4], hashlib.sha256(png).hexdigest())"
)


def _python(program: str, *, cwd: Path | None = None, **environment: str) -> str:
    return subprocess.check_output(
        [sys.executable, "-c", program],
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        stderr=subprocess.DEVNULL,
    )


def test_neither_the_help_nor_the_definitions_load_matplotlib() -> None:
    program = (
        "import sys\n"
        "import aris_pipeline.charts, aris_pipeline.definitions\n"
        "aris_pipeline.definitions.defs()\n"
        "from aris_pipeline.cli import main\n"
        "sys.argv = ['aris', '--help']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit:\n"
        "    print({'matplotlib', 'PIL'} & set(sys.modules) or 'no picture')\n"
    )

    assert _python(program).endswith("no picture\n")


def test_neither_a_missing_home_nor_the_machines_matplotlibrc_changes_a_picture(
    tmp_path: Path,
) -> None:
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.size: 30\nlines.color: red\n")

    homeless = _python(_DRAW, cwd=tmp_path, HOME="/proc/no", XDG_CONFIG_HOME="", XDG_CACHE_HOME="")

    assert homeless == _python(_DRAW)


def test_threads_draw_what_one_thread_draws() -> None:
    rows = [{"req_s": float(n), "load_s": 1.0} for n in range(1, 7)]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(projection_curve, rows)) == [projection_curve(row) for row in rows]


def test_no_id_is_in_a_picture() -> None:
    prompts = [table(Prompts, {"custom_id": name, "messages": name}) for name in ("ada", "bob")]

    ada, bob = map(token_histogram, prompts)

    assert ada == bob
