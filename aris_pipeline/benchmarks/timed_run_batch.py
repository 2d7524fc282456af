"""vLLM's own `run-batch`, which says how long it worked once its model was loaded.

`python -m aris_pipeline.benchmarks.timed_run_batch FILE_FOR_SECONDS ARGUMENTS_OF_RUN_BATCH...`
"""

import asyncio
import importlib
import sys
import time
from pathlib import Path
from typing import Any

_PROGRAM = "vllm.entrypoints.launchers.run_batch"


def main() -> None:
    """Runs the program as vLLM would, with its work between load and exit on a clock."""
    seconds = Path(sys.argv.pop(1))
    # 0.32 has moved it; the parts that are called here have the same names in 0.26.
    try:
        program: Any = importlib.import_module(_PROGRAM)
    except ModuleNotFoundError as error:
        if not _PROGRAM.startswith(str(error.name)):
            raise  # a library that it needs
        program = importlib.import_module("vllm.entrypoints.openai.run_batch")
    work = program.run_batch

    async def timed(*args: Any, **kwargs: Any) -> None:
        started = time.monotonic()
        await work(*args, **kwargs)
        seconds.write_text(str(time.monotonic() - started))

    program.run_batch = timed
    asyncio.run(program.main(program.parse_args()))


if __name__ == "__main__":
    main()
