import re
import tomllib

import aris_pipeline
from aris_pipeline_tests.conftest import REPOSITORY


def test_the_version_is_that_of_the_project_and_of_the_newest_entry_of_the_changelog() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    entries = re.findall(
        r"^## (\S+), \d{4}-\d\d-\d\d$", (REPOSITORY / "CHANGELOG.md").read_text(), re.M
    )

    assert aris_pipeline.__version__ == project["version"] == entries[0]
