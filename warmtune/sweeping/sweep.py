"""The sweep: Hydra's multirun over a recipe, with any of its sweepers and launchers."""

import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from warmtune.config.compose import config_root
from warmtune.errors import ConfigError, UserError
from warmtune.runs.keys import fingerprint
from warmtune.runs.store import write_atomically
from warmtune.sweeping.point import ENDED, FOLDER, ORDER, POINT, read_points, run_point
from warmtune.sweeping.sweep_points import Order, take_order
from warmtune.sweeping.sweep_table import show

SWEEPS = "sweeps"


def sweep(recipe: str, overrides: list[str], until: str) -> int:
    """Run a recipe at every point and print what came of them; return the exit code: 2 where a point failed.

    Raises:
        ConfigError: what was asked for cannot be; nothing has run then.
        UserError: the sweeper or launcher failed.
    """
    with tempfile.TemporaryDirectory() as own:
        order, first, arguments = take_order(recipe, overrides, until, Path(own))
        folder = _folder(Path(first.store).resolve(), first.recipe, order, overrides)
        settings = [
            f"hydra.sweep.dir='{folder}'",
            "hydra.sweep.subdir=${hydra.job.num}",
            "hydra.output_subdir=null",
            "hydra/hydra_logging=disabled",
            "hydra/job_logging=disabled",
            f"+hydra.job.env_set.{FOLDER}='{folder}'",
        ]
        _multirun([*arguments, *settings], folder)
    (folder / ENDED).touch()
    points = read_points(folder)
    show(points, first.sweep, folder)
    return 2 if any(point.code for point in points) else 0


def _folder(store: Path, recipe: str, order: Order, overrides: list[str]) -> Path:
    """Make the sweep's folder, the same for the same command, without what an earlier one left of its points."""
    folder = store / SWEEPS / f"{Path(recipe).name}-{fingerprint(recipe, overrides, order.until)[:8]}"
    for old in folder.glob(f"*/{POINT}"):
        shutil.rmtree(old.parent)
    (folder / ENDED).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / ORDER, json.dumps(asdict(order), indent=2))
    return folder


def _multirun(arguments: list[str], folder: Path) -> None:
    """Let Hydra compose the points and its launcher call `run_point` for each."""
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    app = hydra.main(config_path=str(config_root() / "conf"), config_name="config", version_base="1.3")(run_point)
    before, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv, os.environ["HYDRA_FULL_ERROR"] = ["warmtune", "--multirun", *arguments], "1"  # errors come as errors
    try:
        app()
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError([f"Hydra cannot carry out the sweep: {' '.join(str(error).split())}"]) from None
    except ValueError as error:
        points = read_points(folder)  # Optuna's sweeper ends so when every point has failed and none is the best
        if not points or not all(point.code for point in points):
            raise ConfigError([f"Hydra cannot carry out the sweep: {' '.join(str(error).split())}"]) from None
    except ImportError as error:
        raise UserError(
            f"The sweep's launcher or sweeper cannot be loaded ({error}); install it with pip install"
            " 'warmtune[launchers]', or leave out hydra/launcher and hydra/sweeper."
        ) from None
    finally:
        sys.argv = before
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full
