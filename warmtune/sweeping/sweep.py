"""Run a sweep: Hydra's multirun over a recipe, with any of Hydra's sweepers and launchers."""

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
from warmtune.sweeping.point import ENDED, FOLDER, POINT, REQUEST, read_points, run_point
from warmtune.sweeping.sweep_points import SweepRequest, parse_sweep
from warmtune.sweeping.sweep_table import show

SWEEPS = "sweeps"


def sweep(recipe: str, overrides: list[str], until: str) -> int:
    """Run a recipe at every point and print the results; return the exit code, which is 2 where a point failed.

    Raises:
        ConfigError: the request is wrong; no point has run.
        UserError: the sweeper or launcher failed.
    """
    with tempfile.TemporaryDirectory() as own:
        request, first, arguments = parse_sweep(recipe, overrides, until, Path(own))
        folder = _folder(Path(first.store).resolve(), first.recipe, request, overrides)
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


def _folder(store: Path, recipe: str, request: SweepRequest, overrides: list[str]) -> Path:
    """Make the sweep's folder and delete an earlier sweep's points in it; the same command has the same folder."""
    folder = store / SWEEPS / f"{Path(recipe).name}-{fingerprint(recipe, overrides, request.until)[:8]}"
    for point_file in folder.glob(f"*/{POINT}"):
        shutil.rmtree(point_file.parent)
    (folder / ENDED).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / REQUEST, json.dumps(asdict(request), indent=2))
    return folder


def _multirun(arguments: list[str], folder: Path) -> None:
    """Let Hydra compose the points and its launcher call `run_point` for each."""
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    app = hydra.main(config_path=str(config_root() / "conf"), config_name="config", version_base="1.3")(run_point)
    before, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv, os.environ["HYDRA_FULL_ERROR"] = ["warmtune", "--multirun", *arguments], "1"  # Hydra raises its errors
    try:
        app()
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError([f"Hydra cannot carry out the sweep: {' '.join(str(error).split())}"]) from None
    except ValueError as error:
        points = read_points(folder)  # Optuna's sweeper raises this when every point has failed
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
