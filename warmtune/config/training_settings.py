"""Settings of the training: the adapter, the optimizer, and how many processes share the work."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass

from warmtune.config.setting_types import STRICT, Positive

Epoch = Annotated[float, Field(gt=0, le=100)]


@dataclass(frozen=True, config=STRICT)
class ServiceSettings:
    """Tuning with OpenAI's service in place of training here."""

    model: str
    """The service's name of the model."""
    base_url: str | None
    """Address of the service, if it is not OpenAI's own."""
    learning_rate_multiplier: Annotated[float, Field(gt=0)] | None
    """Null leaves it to the service."""
    batch_size: Positive | None
    """Null leaves it to the service."""
    suffix: Annotated[str, Field(max_length=64)] | None
    """Part of the tuned model's name."""
    poll_seconds: Annotated[float, Field(gt=0)]
    """Seconds between two requests for the job's status."""


@dataclass(frozen=True, config=STRICT)
class TrainSettings:
    """LoRA and the optimizer. docs/method.md gives the study's values."""

    method: Literal["lora", "rslora", "dora"]
    """`rslora` divides alpha by the square root of the rank. `dora` trains direction and magnitude separately."""
    rank: Annotated[int, Field(gt=0, le=1024)]
    alpha: Positive
    dropout: Annotated[float, Field(ge=0, lt=1)]
    target_modules: Literal["all-linear"] | tuple[str, ...]
    """Module names that get an adapter, or `all-linear`."""
    quantization: Literal["nf4"] | None
    """`nf4` keeps the frozen base in four bits (QLoRA); null keeps it in `precision`."""
    precision: Literal["auto", "fp32", "bf16"]
    """Type of the frozen base and of the arithmetic; `auto` is bf16 on a GPU and fp32 on the CPU. Adapters are fp32."""
    optimizer: Literal["adamw", "adamw-8bit"]
    learning_rate: Annotated[float, Field(gt=0, le=0.1)]
    weight_decay: Annotated[float, Field(ge=0, lt=1)]
    max_grad_norm: Annotated[float, Field(gt=0)]
    """Largest norm of the gradient; a larger one is scaled down to it."""
    epochs: Epoch
    batch_size: Positive
    """Conversations per forward pass and process."""
    gradient_accumulation_steps: Positive
    """Forward passes per optimizer step. The effective batch is batch_size x this x processes."""
    lr_scheduler: Literal["linear", "cosine", "constant"]
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)]
    """Share of the steps during which the learning rate rises."""
    max_tokens: Positive
    """Longest row, original or rewritten, in tokens."""
    too_long: Literal["drop", "split"]
    """What happens to a longer conversation, in both arms: it is left out, or split between turns. It is never cut."""
    packing: bool
    """Put the rows of a batch end to end, without padding. Each row is still computed as if it were alone."""
    group_by_length: bool
    """Put conversations of similar length into the same batch. Both arms have the same order."""
    gradient_checkpointing: bool
    """Compute activations again in the backward pass: less memory, a third more time."""
    loss_terms: dict[str, Annotated[float, Field(ge=0)]]
    """Weight of each term that is added to the cross-entropy, by name; see `warmtune/training/loss`."""
    neftune_noise_alpha: Annotated[float, Field(gt=0)] | None
    """Noise on the embeddings during training (NEFTune's alpha); null for none."""
    use_liger_kernel: bool
    """Use Liger's kernels, on a GPU."""
    compile: Literal["auto", "always", "never"]
    """Compile the model's layers (torch.compile). `auto` does so on a GPU if training takes long enough."""
    save_epochs: tuple[Epoch, ...]
    """Epochs after which the adapter is also saved, besides the last."""
    use: Epoch | None
    """The epoch of the adapter that is evaluated and published; null for the last."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None
    """Decides the adapter's first weights and the order of rows; null takes the recipe's seed. A second seed on the
    same data shows how much training varies by chance."""
    save_steps: Positive
    """Steps between checkpoints. A killed training resumes from the last one."""
    report_to: tuple[str, ...]
    """Where training also sends its metrics: values of transformers' `report_to`."""
    service: ServiceSettings | None
    """Tune with a service; null trains here. With a service, only `epochs` and `seed` of the settings above count."""

    @field_validator("save_epochs")
    @classmethod
    def _rising(cls, epochs: tuple[float, ...]) -> tuple[float, ...]:
        if list(epochs) != sorted(set(epochs)):
            raise ValueError("rising epochs, each once")
        return epochs

    @property
    def adapter_folder(self) -> str:
        """Path, inside the training stage's folder, of the adapter that `use` chooses."""
        return "adapter" if self.use in (None, self.epochs) else f"epochs/{self.use:g}"

    @property
    def key_settings(self) -> dict[str, Any]:
        """The settings that decide the adapter. The others decide only what is kept and shown on the way."""
        left_out = {"save_steps", "report_to", "max_tokens", "too_long", "service"}
        left_out |= {
            "use",
            "gradient_checkpointing",
            "compile",
        }  # `use` chooses afterwards; the others give the same adapter at another cost
        decisive = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in left_out}
        return decisive | {"loss_terms": {name: weight for name, weight in self.loss_terms.items() if weight}}


@dataclass(frozen=True, config=STRICT)
class LaunchSettings:
    """How many processes train together, and how they share the model."""

    kind: Literal["single", "ddp", "fsdp", "zero2", "zero3"]
    """One process; a copy of the model per process (DDP); the model split among processes (FSDP2, DeepSpeed ZeRO)."""
    nproc_per_node: Positive | None
    """Processes on this machine; null for one per GPU."""
    device: Literal["auto", "cuda", "cpu"]
    """`auto` takes the GPUs if there are any."""
    nnodes: Positive
    """Machines that train together. Each runs the same command with its own `node_rank`."""
    node_rank: Annotated[int, Field(ge=0)]
    """Number of this machine, counted from 0."""
    master_addr: str
    """Address of machine 0, for the others."""
    master_port: Annotated[int, Field(ge=0, lt=65536)] | None
    """Port on machine 0; null takes a free one, which works on one machine only."""
    offload: bool
    """Keep the split parts of the model in main memory (FSDP, ZeRO)."""
    timeout: Positive
    """Seconds after which a process that waits for the others gives up."""
