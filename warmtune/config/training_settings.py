"""Settings of the training: the adapter, the optimizer, and how many processes share the work."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass

from warmtune.config.setting_types import STRICT, Positive

Epoch = Annotated[float, Field(gt=0, le=100)]


@dataclass(frozen=True, config=STRICT)
class ServiceSettings:
    """Tuning by OpenAI's service instead of on machines of one's own."""

    model: str
    """Name of the model there."""
    base_url: str | None
    """Address, where it is not the service's own."""
    learning_rate_multiplier: Annotated[float, Field(gt=0)] | None
    """Null leaves it to the service."""
    batch_size: Positive | None
    """Null leaves it to the service."""
    suffix: Annotated[str, Field(max_length=64)] | None
    """Part of the tuned model's name."""
    poll_seconds: Annotated[float, Field(gt=0)]
    """Between two questions about how the job stands."""


@dataclass(frozen=True, config=STRICT)
class TrainSettings:
    """LoRA and the optimizer. The study's values, where it states them, are in PROTOCOL terms in docs/method.md."""

    method: Literal["lora", "rslora", "dora"]
    """LoRA; with alpha divided by the root of the rank (rsLoRA); with direction and length apart (DoRA)."""
    rank: Annotated[int, Field(gt=0, le=1024)]
    alpha: Positive
    dropout: Annotated[float, Field(ge=0, lt=1)]
    target_modules: Literal["all-linear"] | tuple[str, ...]
    """Module names that get an adapter, or `all-linear`."""
    quantization: Literal["nf4"] | None
    """Keep the frozen base in four bits (QLoRA); null keeps it as `precision` says."""
    precision: Literal["auto", "fp32", "bf16"]
    """Of the frozen base and of the arithmetic; auto is bf16 on a GPU and fp32 on the CPU. Adapters are fp32."""
    optimizer: Literal["adamw", "adamw-8bit"]
    learning_rate: Annotated[float, Field(gt=0, le=0.1)]
    weight_decay: Annotated[float, Field(ge=0, lt=1)]
    max_grad_norm: Annotated[float, Field(gt=0)]
    """Gradients longer than this are shortened to it."""
    epochs: Epoch
    batch_size: Positive
    """Conversations in one forward pass of one process."""
    gradient_accumulation_steps: Positive
    """Forward passes in one optimizer step; the effective batch is batch_size x accumulation x processes."""
    lr_scheduler: Literal["linear", "cosine", "constant"]
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)]
    """Share of the steps over which the learning rate rises."""
    max_tokens: Positive
    """Longest row allowed, original or rewritten."""
    too_long: Literal["drop", "split"]
    """What becomes of a longer conversation, in both arms alike: left out, or split between turns. Never cut."""
    packing: bool
    """Lay the rows of a batch end to end instead of padding them; each is still computed as if it were alone."""
    group_by_length: bool
    """Put conversations of similar length into the same batch; the order stays the same for both arms."""
    gradient_checkpointing: bool
    """Compute activations again on the way back instead of keeping them: less memory, a third more time."""
    loss_terms: dict[str, Annotated[float, Field(ge=0)]]
    """Weight of each term that is added to the cross-entropy, by name; see `warmtune/training/loss`."""
    neftune_noise_alpha: Annotated[float, Field(gt=0)] | None
    """Noise on the embeddings while training (NEFTune's alpha); null for none."""
    use_liger_kernel: bool
    """Use Liger's kernels, on a GPU."""
    compile: Literal["auto", "always", "never"]
    """Compile the model's layers first (torch.compile); auto does so on a GPU where training takes long enough."""
    save_epochs: tuple[Epoch, ...]
    """Epochs after which the adapter is kept as a checkpoint of its own, besides the last."""
    use: Epoch | None
    """Which of them is the adapter that is evaluated and published; null for the last."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None
    """Drives the adapter's first weights and the order of rows; null takes the recipe's seed. Another one makes a
    second adapter on the same data: how much training differs by chance."""
    save_steps: Positive
    """Steps between checkpoints; a killed training goes on from the last."""
    report_to: tuple[str, ...]
    """Where the metrics are also sent while training: names that transformers takes for `report_to`."""
    service: ServiceSettings | None
    """Tune by a service; of the settings above only `epochs` and `seed` count then."""

    @field_validator("save_epochs")
    @classmethod
    def _rising(cls, keep: tuple[float, ...]) -> tuple[float, ...]:
        if list(keep) != sorted(set(keep)):
            raise ValueError("rising epochs, each once")
        return keep

    @property
    def adapter_folder(self) -> str:
        """Where the adapter that `use` chooses lies in the training's folder."""
        return "adapter" if self.use in (None, self.epochs) else f"epochs/{self.use:g}"

    @property
    def key_settings(self) -> dict[str, Any]:
        """The settings that decide what the adapter is; the others decide only what is kept and seen on the way."""
        beside = {"save_steps", "report_to", "max_tokens", "too_long", "service"}
        beside |= {"use", "gradient_checkpointing", "compile"}  # chosen afterwards; the same arithmetic at another cost
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in beside}


@dataclass(frozen=True, config=STRICT)
class LaunchSettings:
    """How many processes train together, and who holds what."""

    kind: Literal["single", "ddp", "fsdp", "zero2", "zero3"]
    """One process; copies of the model (DDP); the model shared out among processes (FSDP2, DeepSpeed ZeRO)."""
    nproc_per_node: Positive | None
    """Processes on this machine; null for one a GPU."""
    device: Literal["auto", "cuda", "cpu"]
    """Auto takes GPUs where there are any."""
    nnodes: Positive
    """Machines that train together; each runs the same command with its own `node`."""
    node_rank: Annotated[int, Field(ge=0)]
    """Number of this machine, from 0."""
    master_addr: str
    """Address of machine 0, for the others."""
    master_port: Annotated[int, Field(ge=0, lt=65536)] | None
    """Port on machine 0; null takes a free one, on one machine only."""
    offload: bool
    """Keep what is shared out in main memory (FSDP, ZeRO)."""
    timeout: Positive
    """Seconds after which a process that waits for the others gives up."""
