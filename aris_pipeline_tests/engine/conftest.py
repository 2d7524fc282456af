"""Lets Triton interpret kernels where no GPU runs them; it asks once, when vLLM imports it."""

import os

from aris_pipeline.models.devices import gpu_count

if not gpu_count():
    os.environ["TRITON_INTERPRET"] = "1"
