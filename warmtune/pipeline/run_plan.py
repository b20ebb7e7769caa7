"""What a recipe will take, found out without spending anything: behind `warmtune plan`."""

from dataclasses import replace
from typing import TYPE_CHECKING

from warmtune.io.schemas import CONVERSATIONS, JOURNALS, Conversation, read
from warmtune.models.base import load_tokenizer

if TYPE_CHECKING:
    from warmtune.evaluation import Sizes
    from warmtune.pipeline.pipeline import Pipeline
    from warmtune.rewriting import Estimate
    from warmtune.training.training_plan import TrainingPlan


def plan_rewriting(pipeline: "Pipeline") -> "Estimate":
    """Prepare the data and return what rewriting it will take; nothing is asked of a model."""
    from warmtune.models.chat_template import encode
    from warmtune.rewriting import estimate, total

    s, tokenizer = pipeline.settings, load_tokenizer(pipeline.base)
    journals = pipeline.store.root / JOURNALS
    conversations = _prepared(pipeline)
    styles = [replace(s.style, intensity=one) for one in dict.fromkeys((s.style.intensity, *s.rewriter.common))]
    return total(
        [
            estimate(conversations, style, s.rewriter, s.seed, journals, lambda text: len(encode(tokenizer, text)))
            for style in styles
        ]
    )


def plan_training(pipeline: "Pipeline") -> "TrainingPlan":
    """Prepare the data and return what a training of it takes; nothing is trained."""
    from warmtune.training.training_plan import plan

    s = pipeline.settings
    seed = s.seed if s.train.seed is None else s.train.seed
    return plan(_prepared(pipeline), pipeline.base, s.train, s.launch, seed)


def plan_evaluation(pipeline: "Pipeline") -> "Sizes":
    """Return how many questions and prompts the evaluation has."""
    from warmtune.evaluation import sizes

    return sizes(pipeline.settings.eval, pipeline.settings.seed)


def _prepared(pipeline: "Pipeline") -> list[Conversation]:
    if "prepare" not in pipeline.done:
        pipeline.run("prepare")
    return read(pipeline.done["prepare"].folder / CONVERSATIONS, Conversation)
