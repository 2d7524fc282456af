import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_definitions_load_without_vllm_and_torch() -> None:
    program = (
        "import sys\n"
        "from aris_pipeline.definitions import defs\n"
        "loaded = defs()\n"
        "import aris_pipeline.cli\n"
        "slow = {'vllm', 'torch', 'transformers', 'huggingface_hub', 'openai'}\n"
        "heavy = slow & set(sys.modules)\n"
        "print(type(loaded).__name__, heavy or 'nothing heavy')"
    )
    said = subprocess.check_output([sys.executable, "-c", program], text=True)

    assert said == "Definitions nothing heavy\n"
