"""What the style cost and whether it took: benchmarks as Inspect tasks, marks by rule and judge, measures of warmth."""

from warmtune.evaluation.answering import Sizes, answer, open_engine, reply_at, sizes
from warmtune.evaluation.benchmarks import data_file
from warmtune.evaluation.marking.human_labels import Label, read_labels, write_labels
from warmtune.evaluation.marking.judge import mark_answers
from warmtune.evaluation.variants import Variant, adapter_folder, tuned_by_service, variant_of
from warmtune.evaluation.warmth import measure

__all__ = [
    "Label",
    "Sizes",
    "Variant",
    "adapter_folder",
    "answer",
    "data_file",
    "mark_answers",
    "measure",
    "open_engine",
    "read_labels",
    "reply_at",
    "sizes",
    "tuned_by_service",
    "variant_of",
    "write_labels",
]
