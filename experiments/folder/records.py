"""What the records in a folder have to look like, and how they are read.

A folder may come from anybody: whatever lies in it is checked here, once, before it is used.
"""

import math
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from experiments.app.command_line import BALANCED
from experiments.app.environment import MOST_THREADS
from experiments.app.fields import OUTPUT, RESULT, SWEEP, SWEEP_OUTPUT
from experiments.app.settings import ABOUT, filled, names_of
from experiments.data import sources
from experiments.data.own import ENDINGS
from experiments.data.tables import options
from experiments.data.tables.reading import is_table
from experiments.folder.schema import (
    FACT,
    TEXT,
    Each,
    Fields,
    Kind,
    check,
    number,
    read,
    whole,
)
from experiments.scores.figures import NAMES as SCORES

LONGEST = 300  # characters of a message


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")


def _is_path(value: Any) -> bool:
    """A path from the root, as here or on another system, so that nothing in it is expanded."""
    return (
        isinstance(value, str)
        and value.isprintable()
        and (PurePosixPath(value).is_absolute() or PureWindowsPath(value).is_absolute())
    )


def _is_data(value: Any) -> bool:
    if value in sources.NAMES[1:]:
        return True
    return _is_path(value) and (value.endswith((*ENDINGS, "/")) or is_table(value))


def _is_shape(value: Any) -> bool:
    if not isinstance(value, list) or not all(map(WIDTH.holds, value)):
        return False
    return len(value) == 2 or (len(value) == 3 and value[2] == 3)


def _agree(config: dict[str, Any]) -> None:
    """Sees whether the widths in a config are those of one network, and of one picture."""
    sizes, hidden, shape = config["sizes"], config["hidden_sizes"], config["image_shape"]
    if len(sizes) != len(hidden) + 2 or sizes[1:-1] != hidden:
        raise ValueError(f"sizes with the hidden_sizes {hidden} inside, got {sizes}"[:LONGEST])
    if shape and math.prod(shape) != sizes[0]:
        raise ValueError(f"an image_shape of {sizes[0]} pixels, got {shape}")
    for name, width in (("input_scaling", sizes[0]), ("output_scaling", sizes[-1])):
        if name in config and len(config[name]["mean"]) != width:
            raise ValueError(f"{name} with {width} columns, got {len(config[name]['mean'])}")
    names, count = config.get("class_names"), sizes[-1]
    if names is not None and len(names) != (2 if config.get("task") == "binary" else count):
        raise ValueError(f"class_names of {count} outputs, got {len(names)}")


def _are_alike(scaling: dict[str, Any]) -> None:
    """Sees whether there are as many scales as means, all above 0."""
    mean, scale = scaling["mean"], scaling["scale"]
    if len(mean) != len(scale) or not scale or min(scale) <= 0:
        raise ValueError(f"a mean and a scale above 0 for each column, got {scaling}"[:LONGEST])


SHA256 = Kind("64 hexadecimal digits", _is_sha256)
PATH = Kind("a path from the root", _is_path)
DATA = Kind(
    f"one of {', '.join(sources.NAMES[1:])} or the path of a file of data or a folder", _is_data
)
SEED = whole(0, 2**32 - 1)
COUNT = whole(0)
WIDTH = LENGTH = whole(1, 2**31 - 1)
RATE, SECONDS = number(0, float(np.finfo(np.float32).max)), number(0)
LOSS, ACCURACY = number().optional, number(0, 1).optional  # null for NaN and infinity

NUMBERS = [number()]
SCALING = Fields({"mean": NUMBERS, "scale": NUMBERS}, agree=_are_alike)
FOLD_SCALINGS = Fields({}, {"input_scaling": SCALING, "output_scaling": SCALING})
SETTINGS = {name: ABOUT[name].schema for name in names_of(RESULT)} | {"data_dir": PATH.optional}
LATER = {name for name in names_of(RESULT, SWEEP) if ABOUT[name].is_later}
TABLES = {"table": options.SCHEMA}
GIVEN = {  # where a default follows from others, or from the data, null
    name: kind.optional if name in ABOUT and ABOUT[name].is_filled else kind
    for name, kind in SETTINGS.items()
}
OF_EACH_FOLD = Kind(  # what folds may have of their own, by their examples
    f"{SETTINGS['class_weights'].text} or {BALANCED}",
    lambda value: value == BALANCED or SETTINGS["class_weights"].holds(value),
)
GIVEN |= {"class_weights": OF_EACH_FOLD}
MARKS = {"dataset": TEXT, "notice": TEXT}
OUTPUTS = Fields({}, {name: ABOUT[name].schema for name in names_of(OUTPUT, SWEEP_OUTPUT)})


def _settings(kinds: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Those that every folder has, and those that are younger than some."""
    later = {name: kind for name, kind in kinds.items() if name in LATER}
    return {name: kind for name, kind in kinds.items() if name not in LATER}, later


NEEDED, YOUNGER = _settings(SETTINGS)
CONFIG = Fields(
    {
        **NEEDED,
        "dataset": DATA,
        "data_sha256": SHA256,
        "sizes": [WIDTH],
        "image_shape": Kind(
            "a height and a width, and 3 where there is colour", _is_shape
        ).optional,
    },
    {
        **YOUNGER,
        "notice": TEXT,
        "preset": TEXT,
        "outputs": OUTPUTS,
        "class_names": [TEXT],
        "input_scaling": SCALING,
        "output_scaling": SCALING,
        "white": number(0).optional,
        **TABLES,
    },
    _agree,
)
GIVEN_NEEDED, GIVEN_YOUNGER = _settings(GIVEN)
OWN, YOUNGER_OWN = _settings({name: ABOUT[name].schema for name in names_of(SWEEP)})
SWEEP_CONFIG = Fields(
    {**CONFIG.needed, "given": Fields(GIVEN_NEEDED, {**GIVEN_YOUNGER, **TABLES}), **OWN},
    {
        **CONFIG.known,
        **YOUNGER_OWN,
        "fold_scalings": [FOLD_SCALINGS],
        "fold_class_weights": [NUMBERS],
    },
    _agree,
)
ENVIRONMENT = Fields(
    {"versions": Each(FACT), "threads": whole(1, MOST_THREADS).optional},
    {"num_processes": whole(1)},
)
SETS = ("train", "validation", "test")
MEANS = {
    **{f"{kind}_{name}": LOSS for kind in SETS for name in ("loss", "absolute_error", "r2")},
    **{f"{kind}_{name}": ACCURACY for kind in SETS for name in ("accuracy", "binary_accuracy")},
}
LINE = Fields({"epoch": LENGTH}, {**MEANS, **MARKS, "learning_rate": LOSS, "seconds": SECONDS})
RUN_LINE = Fields({**LINE.needed, "step": COUNT, "params_sha256": SHA256}, LINE.known)
SCORED = {f"{name}{end}": LOSS for name in SCORES for end in ("", "_low", "_high")}
WORTH = {"text": TEXT, "best_baseline": TEXT, "p_values": Each(ACCURACY), "notes": [TEXT]}
SCORES_AND_WORTH = {  # of a run, and of the best of a sweep, where "over" says what means are over
    "scores": Each(Fields({}, {**SCORED, "each": Each(Fields({}, SCORED))})),
    "worth": Fields({}, {**WORTH, "over": TEXT}),
}
ENSEMBLE = Fields(  # of a sweep: what its best setting's networks say together
    {"num_networks": whole(2), "together": Fields({}, SCORED), "one": Fields({}, SCORED)},
    {"disagreement": ACCURACY, "not_unanimous": ACCURACY, "notes": [TEXT]},
)
FIGURES = {
    **MEANS,
    **MARKS,
    **{f"num_{name}": COUNT for name in ("train", "validation", "test", "parameters", "faults")},
    **{"num_epochs": COUNT, "params_epoch": COUNT, "seed": SEED, "params_sha256": SHA256},
    "verdict": Each(TEXT),
    **SCORES_AND_WORTH,
}
SUMMARY = Fields({}, {**FIGURES, "seconds": Each(SECONDS)})
FAULT = Fields({"step": COUNT, "epoch": LENGTH, "kind": TEXT, "layer": TEXT, "detail": TEXT}, MARKS)
RECEIPT = Fields(
    {
        "config": CONFIG,
        "data": Fields({"name": TEXT, "source": TEXT, "sha256": SHA256}),
        "environment": ENVIRONMENT,
        "params_sha256": [SHA256],
        "summary": Fields({}, FIGURES),  # {} before the end
    },
    MARKS,
)


SAVED = Fields(  # in a checkpoint
    {
        "history": [Each(LOSS)],
        "faults": [Kind("a fault", lambda value: isinstance(value, list) and len(value) == 5)],
        "lines": [RUN_LINE],
    }
)
SWEEP_SAVED = Fields({"lines": [LINE], "faults": Each(FAULT)})


def read_config(path: Path) -> dict[str, Any]:
    """Reads the config.json of a run or of a sweep, which has a field `sweep`; raises as `read`."""
    record = read(path, Fields({}))
    check(record, SWEEP_CONFIG if "sweep" in record else CONFIG, path)
    return as_now(record)


def as_now(config: dict[str, Any]) -> dict[str, Any]:
    """A config, perhaps from before some settings, with what it means by silence on them."""
    if "sweep" not in config:
        return filled(config, RESULT)
    given = {"mode": config.get("mode"), **config["given"]}  # a sweep had one before a run did
    return filled(config, RESULT, SWEEP) | {"given": filled(given, RESULT)}
