"""What the libraries are told before they are imported."""

import os
import sys


def quiet_libraries() -> None:
    """Keep the libraries' own progress bars and notices off the screen; warmtune shows its own."""
    for name, value in {
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TQDM_DISABLE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "DATASETS_VERBOSITY": "error",
        "PYTHONWARNINGS": "ignore::FutureWarning",
    }.items():
        os.environ.setdefault(name, value)
    if not sys.warnoptions:
        import warnings

        warnings.simplefilter("ignore", FutureWarning)
    # Rows are of all lengths: on a GPU, pieces of fixed size would leave gaps of up to half of what is in use.
    os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
