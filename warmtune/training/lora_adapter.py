"""The base as training needs it, with a fresh adapter on it."""

import math
from typing import TYPE_CHECKING, Any

from warmtune.config.training_settings import TrainSettings
from warmtune.errors import ModelError, nearest
from warmtune.models.base import Base

if TYPE_CHECKING:
    from peft import PeftModel


def precision(settings: TrainSettings, device: str) -> str:
    """Return fp32 or bf16, as the settings say or the device suggests."""
    if settings.precision == "auto":
        return "bf16" if device == "cuda" else "fp32"
    return settings.precision


def with_adapter(base: Base, settings: TrainSettings, seed: int, device: str) -> "PeftModel":
    """Load the base and put an adapter on it whose first values are drawn from `seed`.

    Raises:
        ModelError: the base has none of the modules, or its architecture is not known.
    """
    from peft import get_peft_model
    from transformers import set_seed

    model = _load(base, settings, device)
    _check_targets(model, base, settings)
    if settings.gradient_checkpointing:  # the trainer would, but only after the longest batch was tried
        model.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
    set_seed(seed)
    adapted = get_peft_model(model, _lora(settings, base))
    if settings.gradient_checkpointing:
        adapted.enable_input_require_grads()
    return adapted


def _load(base: Base, settings: TrainSettings, device: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    from warmtune.training.kernels.row_attention import ROW_BY_ROW

    dtype = torch.bfloat16 if precision(settings, device) == "bf16" else torch.float32
    quantized = None
    if settings.quantization == "nf4":
        quantized = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
            bnb_4bit_quant_storage=dtype,
        )
    try:
        return AutoModelForCausalLM.from_pretrained(
            str(base.folder),
            dtype=dtype,
            quantization_config=quantized,
            attn_implementation=ROW_BY_ROW if settings.packing else None,  # None: the best that the model takes
            device_map=_own_device() if quantized and device == "cuda" else None,
        )
    except ValueError as error:
        if "does not recognize this architecture" not in str(error) and "Unrecognized" not in str(error):
            raise
        raise ModelError(
            f"The model {base.name} ({base.hub}) has an architecture that the installed transformers does not know:"
            f" {' '.join(str(error).split())[:200]} Update transformers, or choose a model of a known family."
        ) from None


def _own_device() -> dict[str, int]:
    """Return the device map of this process: all on its own GPU. "auto" would spread each copy over all of them."""
    import os

    return {"": int(os.environ.get("LOCAL_RANK", "0"))}


def _lora(settings: TrainSettings, base: Base) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        use_rslora=settings.method == "rslora",
        use_dora=settings.method == "dora",
        target_modules=settings.target_modules
        if settings.target_modules == "all-linear"
        else list(settings.target_modules),
        bias="none",
        task_type="CAUSAL_LM",
        revision=base.revision,
    )


def _check_targets(model: Any, base: Base, settings: TrainSettings) -> None:
    """Refuse module names that the model has not, each with the nearest that it has."""
    if settings.target_modules == "all-linear":
        return
    known = sorted({name.rsplit(".", 1)[-1] for name, module in model.named_modules() if _linear(module)})
    paths = [name for name, _ in model.named_modules()]
    missing = [t for t in settings.target_modules if not any(path == t or path.endswith(f".{t}") for path in paths)]
    if missing:
        hints = "".join(nearest(name, known) for name in missing)
        raise ModelError(
            f"train.target_modules names {', '.join(missing)}, which {base.name} has not.{hints} Its linear modules are"
            f" {', '.join(known)}; all-linear takes all of them but the output layer."
        )
    if "lm_head" in settings.target_modules:
        raise ModelError(
            "train.target_modules names lm_head, the output layer, whose adapter the loss could not see; leave it out."
        )


def _linear(module: Any) -> bool:
    import torch

    return isinstance(module, torch.nn.Linear)


def norms(model: Any) -> dict[str, float]:
    """Return the length of every B matrix of the adapter, by name."""
    return {name: float(p.detach().norm()) for name, p in model.named_parameters() if "lora_B" in name}


def check_changed(model: Any) -> None:
    """Refuse an adapter in which a B matrix is still zero, or not finite: it does not do what it was trained for.

    Raises:
        ModelError: says how many.
    """
    lengths = norms(model)
    zero = [name for name, length in lengths.items() if length == 0]
    wild = [name for name, length in lengths.items() if not math.isfinite(length)]
    if zero or wild or not lengths:
        some = f" (the first: {(zero + wild)[0]})" if zero or wild else ""
        raise ModelError(
            f"Training left {len(zero)} of {len(lengths)} LoRA matrices at zero and {len(wild)} not finite{some}, so"
            " the adapter does not do what it was trained for; check train.learning_rate and train.target_modules."
        )
