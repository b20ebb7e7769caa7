"""Variants, which answer: the base, the base with an adapter at a scale or a system prompt, or another model."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmtune.config.evaluation_settings import VariantSettings
from warmtune.config.settings import Settings
from warmtune.config.training_settings import ServiceSettings
from warmtune.errors import ModelError
from warmtune.io.schemas import BASE_AGAIN
from warmtune.models.adapters import weights_of

if TYPE_CHECKING:
    from inspect_ai.model import Model

    from warmtune.models.engine import Engine


@dataclass(frozen=True)
class Variant:
    """A model that answers."""

    name: str
    adapter: Path | None = None
    """Folder of its adapter; None for the base itself, or another model."""
    scale: float = 1.0
    system: str | None = None
    model: str | None = None
    """Inspect's name of another model."""
    base_url: str | None = None
    weights: str | None = None
    """Digest of the adapter's weights."""
    answers: tuple[tuple[str, str], ...] = ()
    """Files with its answers, by benchmark, where it has answered already."""
    resample: int = 0
    """Not 0 where the same variant answers once more with other seeds; all that differs then is chance."""

    @property
    def identity(self) -> dict[str, Any]:
        """What decides its answers. The place of an adapter's folder does not."""
        names = ("scale", "system", "model", "base_url", "weights", "resample")
        return {name: getattr(self, name) for name in names}


def variant_of(settings: VariantSettings, adapters: dict[str, Path], style_prompt: str | None) -> Variant:
    """Return a variant from its settings. An adapter on the Hub is fetched.

    Args:
        settings: what the recipe says.
        adapters: folders of the run's own adapters, by name.
        style_prompt: the style's system prompt.

    Raises:
        ModelError: the adapter is not there.
    """
    if settings.answers:
        return Variant(settings.name, answers=tuple(sorted(settings.answers.items())))
    system = style_prompt if settings.system == "style" else settings.system
    if settings.adapter is None:
        return Variant(settings.name, None, 1.0, system, settings.model, settings.base_url)
    folder = adapters.get(settings.adapter) or adapter_folder(settings.adapter)
    return Variant(settings.name, folder, settings.scale, system, weights=weights_of(folder))


def tuned_by_service(service: ServiceSettings, folders: dict[str, Path], settings: Settings) -> list[Variant]:
    """Return the variants of a run whose models a service tuned: base, control, styled, and the recipe's own.

    The adapter `control` means the run's control, and `styled@STEP` the tuned model after that step.

    Raises:
        ModelError: the service has not kept that one.
    """
    known: dict[str, str] = {}
    for name, folder in folders.items():
        job = json.loads((folder / "job.json").read_text())
        known[name] = f"openai/{job['model']}"
        known |= {f"{name}@{step}": f"openai/{model}" for step, model in job["checkpoints"].items()}
    base = Variant("base", model=f"openai/{service.model}", base_url=service.base_url)
    found = [base, *(replace(base, name=name, model=known[name]) for name in folders)]
    if settings.eval.temperature > 0:
        found.append(replace(base, name=BASE_AGAIN, resample=1))
    for one in settings.eval.variants:
        variant = variant_of(replace(one, adapter=None), {}, settings.style.system_prompt)
        if one.adapter is not None and one.adapter not in known:
            raise ModelError(
                f"eval.variants: '{one.name}' names {one.adapter}, but of this run the service has"
                f" {', '.join(sorted(known))}; it keeps the last checkpoints of a job only."
            )
        if not (one.model or one.answers):
            variant = replace(variant, model=known.get(one.adapter or "", base.model), base_url=service.base_url)
        found.append(variant)
    return found


def adapter_folder(place: str) -> Path:
    """Return an adapter's folder. `hub:org/name` is fetched from the Hub.

    Raises:
        ModelError: there is none.
    """
    if not place.startswith("hub:"):
        folder = Path(place)
        if not folder.is_dir():
            raise ModelError(
                f"eval.variants names the adapter '{place}', but there is no such folder; give styled, control, a"
                " folder as PEFT saves it, or hub:org/name."
            )
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    name = place.removeprefix("hub:")
    try:
        return Path(snapshot_download(name, allow_patterns=["adapter_*", "warmtune.json", "tokenizer*", "*.jinja"]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"The adapter {name} cannot be had from the Hub: {' '.join(str(error).split())[:300]} Check the name, log"
            " in with `hf auth login` if it is private, or give a folder."
        ) from None


def inspect_model(variant: Variant, engine: "Engine | None", batch_size: int, at_once: int, hosted: str) -> "Model":
    """Return Inspect's model for a variant.

    Args:
        variant: who answers.
        engine: the recipe's base, None where another model answers.
        batch_size: most answers that the engine writes at the same time.
        at_once: most requests in flight to another model.
        hosted: Inspect's name of the engine, from `provider.host`.
    """
    from inspect_ai.model import GenerateConfig, get_model

    if variant.model:
        from inspect_ai._util.error import PrerequisiteError
        from rich.text import Text

        from warmtune.errors import redacted

        config = GenerateConfig(max_connections=at_once)
        try:
            return get_model(variant.model, base_url=variant.base_url, config=config, memoize=False)
        except (PrerequisiteError, ValueError, ImportError) as error:
            said = " ".join(Text.from_markup(str(getattr(error, "message", error))).plain.split())
            raise ModelError(
                f"The model '{variant.model}' of the variant {variant.name} cannot be used: {redacted(said)}"
            ) from None
    assert engine is not None
    name, arguments = hosted, dict[str, Any](batch_size=batch_size)
    if variant.adapter is not None:
        name += f":{engine.add_adapter(variant.adapter)}"
        arguments |= {"adapter": str(variant.adapter), "scale": variant.scale}
        if variant.scale != 1:
            name += f"@{variant.scale:g}"
    return get_model(name, memoize=False, **arguments)
