"""From flags, an earlier run's config and the data to the config of a run or a sweep."""

import contextlib
import copy
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags

import jaxmlp
from experiments.app import devices, preset_flag, settings, tables, together
from experiments.app.command_line import BALANCED
from experiments.app.decisive import FEW, SMALL
from experiments.app.fields import LIFE, OUTPUT, RESULT, SWEEP, SWEEP_OUTPUT
from experiments.app.recipes import LEARNING_RATES
from experiments.app.settings import ABOUT, Settings
from experiments.data import balance, columns, own, sources
from experiments.data.rows import Rows
from experiments.data.sizes import size_of
from experiments.folder import records, schema, workdir
from jaxmlp.objectives.records import by_name
from jaxmlp.runtime import receipt
from jaxmlp.types import Dataset

FREE = {"data_dir", "given", "white"}  # what a resumed run may have otherwise


def earlier_config(kind: str) -> dict[str, Any] | None:
    """The config of the run to resume, None where none is, or it ended before it had begun.

    Args:
      kind: "run" or "sweep": what is to go on.

    Raises:
      ValueError: if there is something else in its place.
    """
    if not flags.FLAGS.resume:
        return None
    if flags.FLAGS.overwrite:
        raise ValueError("expected --resume or --overwrite, got both")
    if flags.FLAGS.workdir is None:
        raise ValueError("--resume needs --workdir, the folder of the run to go on with")
    folder = workdir.user_path(flags.FLAGS.workdir)
    if workdir.is_beginning(folder):
        return None
    path = folder / "config.json"
    if not path.exists():
        raise ValueError(f"nothing to resume in {path.parent}: expected a run, got no config.json")
    earlier = records.read_config(path)
    if ("sweep" in earlier) != (kind == "sweep"):
        got = "a sweep's: see experiments.sweep" if "sweep" in earlier else "another run's"
        raise ValueError(f"--resume needs a {kind}'s folder, got {got}")
    return earlier


def goes_on_with_a_sweep(of_preset: bool = False) -> bool:
    """Whether a sweep's folder is to be resumed; a folder of nothing is not.

    Args:
      of_preset: whether it has to be one that --preset made of many networks.
    """
    if not flags.FLAGS.resume or flags.FLAGS.workdir is None:
        return False
    with contextlib.suppress(ValueError):
        path = workdir.user_path(flags.FLAGS.workdir) / "config.json"
        earlier = schema.read(path, schema.Fields({}))
        return "sweep" in earlier and (not of_preset or preset_flag.is_many(earlier.get("preset")))
    return False


def folder(given: Settings, earlier: Mapping[str, Any] | None, program: str) -> str:
    """The path of a run's folder, of which nothing is changed yet; raises as `workdir.choose`."""
    return str(workdir.choose(given.workdir, program, given.overwrite, earlier is not None))


def read(earlier: Mapping[str, Any] | None = None, of_table: bool = False) -> Settings:
    """The flags; of those that are not given, the preset's, or else what the earlier run was given.

    Args:
      earlier: the config of the run to resume.
      of_table: whether --target can be but a column's name, whatever the data are called.
    """
    before = tables.settings_of(earlier or {})
    before |= {**(earlier or {}), **(earlier or {}).get("given", {})}
    outputs = (earlier or {}).get("outputs", {})
    values, preset = dict(settings.DEFAULTS), preset_flag.holding()
    for name in (values.keys() & set(flags.FLAGS)) - preset.keys():
        flag, role = flags.FLAGS[name], ABOUT[name].role
        values[name] = None if ABOUT[name].choices and flag.value == "auto" else flag.value
        if role in (OUTPUT, SWEEP_OUTPUT) and name in outputs and not flag.present:
            values[name] = outputs[name] and flag.parser.parse(outputs[name])
        elif role != LIFE and name in before and not flag.present:
            values[name] = before[name]
    values |= copy.deepcopy(preset)
    if flags.FLAGS["target"].present and not flags.FLAGS["target_column"].present:
        values["target_column"] = []  # else --target would be a score
    _refuse_lone_epsilon(values)
    return Settings(**tables.told_apart(values, of_table))


def _refuse_lone_epsilon(values: Mapping[str, Any]) -> None:
    """Raises ValueError for a --vat_epsilon that moves nothing, as no network has a --vat."""
    swept = {text.partition("=")[0] for text in values["sweep"]}
    is_asked_for = flags.FLAGS["vat_epsilon"].present or "vat_epsilon" in swept
    if is_asked_for and not values["vat"] and "vat" not in swept:
        raise ValueError(f"--vat_epsilon needs --vat to be above 0, got {values['vat']:g}")


def read_start() -> Settings:
    """Of the flags those that processes start by, which do not depend on the data."""
    names = {*settings.names_of(LIFE), *together.START} & {*flags.FLAGS}
    values: dict[str, Any] = {name: flags.FLAGS[name].value for name in names}
    return Settings(**{**values, **{n: v for n, v in preset_flag.holding().items() if n in names}})


def threads(given: Settings, earlier: Mapping[str, Any] | None) -> int | None:
    """How many threads to start JAX with; None for as many as there are cores."""
    return given.threads or (earlier or {}).get("threads")


def load_data(
    given: Settings, earlier: Mapping[str, Any] | None
) -> tuple[Dataset, str | None, list[str]]:
    """The data that the settings name, with their validation set held out.

    Returns:
      The data; a notice where they are not what the name might mean; and what there is to say of a
      user's own.
    """
    data_dir = given.data_dir  # where a download may go: no folder's record decides that
    findings: list[str] = []
    if given.image_size and not sources.is_own(given.dataset):
        raise ValueError(f"--image_size needs a folder of pictures, got {given.dataset}")
    if given.dataset == "auto":
        data, notice = sources.load_auto(data_dir)
    else:
        look_in = [earlier["data_dir"]] if earlier and earlier["data_dir"] else []
        data = sources.load(
            given.dataset,
            data_dir,
            look_in=look_in,
            check_finite=given.check_finite,
            task=given.task,
            window=None if given.window is None else given.window * 2**20,
            image_size=size_of(given.image_size) if given.image_size else None,
            before=earlier,
            say=findings.append,
        )
        notice = None if earlier is None else earlier.get("notice")
    if sources.is_own(given.dataset) and not given.standardize:
        findings += columns.findings(data.train_inputs)
    return sources.hold_out(data, given.validation_fraction), notice, findings


def refuse_one_fold(folds: int) -> None:
    """Raises ValueError for a single fold, which would have nothing to train on."""
    if folds == 1:
        raise ValueError("--folds needs at least 2, or 0 for no cross-validation, got 1")


def make(given: Settings, data: Dataset, earlier: Mapping[str, Any] | None) -> dict[str, Any]:
    """The config of a run: what decides its result, and what else it leaves.

    Args:
      given: the settings.
      data: what it trains on.
      earlier: the config of the run to resume.

    Raises:
      ValueError: naming the settings, if they contradict each other or the earlier run's.
    """
    made = complete(decisive(given), data) | pixels(data)
    outputs = _outputs(given, "table" in made, [OUTPUT])
    return _resumable(made, earlier) | {"outputs": outputs} | _preset(given, earlier)


def _preset(given: Settings, earlier: Mapping[str, Any] | None) -> dict[str, str]:
    """The field that names the preset a run began with: it tells where values come from, no more.

    What holds are the values, which are all on record, whatever becomes of the preset.
    """
    name = given.preset if earlier is None else earlier.get("preset")
    return {"preset": name} if name else {}


def pixels(data: Dataset) -> dict[str, float | None]:
    """The field of pictures that are not from 0, black, to 1, white; see `columns.white`."""
    if data.image_shape is None:
        return {}
    white = columns.white(data.train_inputs)
    return {} if white == 1 else {"white": white}


def make_sweep(given: Settings, data: Dataset, earlier: Mapping[str, Any] | None) -> dict[str, Any]:
    """The config of a sweep, as `make`'s, with what its networks are made of."""
    own = {name: getattr(given, name) for name in settings.names_of(SWEEP)}
    made = complete(decisive(given), data) | pixels(data)
    weights = {} if given.folds else {"class_weights": made["class_weights"]}  # folds: each its own
    made |= {"given": decisive(given) | weights} | own
    if made["halving"] and data.validation_inputs is None:
        raise ValueError("--halving needs a validation set: expected --validation_fraction=0.1")
    outputs = _outputs(given, "table" in made, [OUTPUT, SWEEP_OUTPUT])
    outputs = {name: value for name, value in outputs.items() if not ABOUT[name].is_alone}
    return _resumable(made, earlier) | {"outputs": outputs} | _preset(given, earlier)


def of_folds(made: Mapping[str, Any], folds: Sequence[Dataset]) -> dict[str, Any]:
    """What a sweep's config says of its folds: what each has of its own training examples.

    Args:
      made: the config.
      folds: the data of each; () where there are none.

    Returns:
      "fold_scalings" and "fold_class_weights", where there are such.
    """
    names = ("input_scaling", "output_scaling")
    of_each = [complete(made["given"], fold) for fold in folds]
    found = [{name: each[name] for name in names if name in each} for each in of_each]
    said: dict[str, Any] = {"fold_scalings": found} if any(found) else {}
    if made["given"]["class_weights"] == BALANCED:
        said["fold_class_weights"] = [each["class_weights"] for each in of_each]
    return said


def decisive(given: Settings) -> dict[str, Any]:
    """What decides a result, None where a default depends on others or on the data."""
    data_dir = given.data_dir and str(Path(given.data_dir).absolute())
    names = settings.names_of(RESULT)
    table = {"table": tables.record(given)} if given.target_column else {}
    return {name: getattr(given, name) for name in names} | {"data_dir": data_dir} | table


def complete(values: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
    """A config from what `decisive` returns, with the defaults that depend on others filled in.

    Raises:
      ValueError: naming the settings, if they contradict each other.
    """
    num_train, is_small = len(data.train_inputs), len(data.train_inputs) < SMALL
    epochs = 100 if num_train < FEW and "table" in values else 40
    defaults = {
        "task": sources.task_of(data.train_labels),
        "num_epochs": epochs if is_small else 10,
        "batch_size": min(num_train, 32 if is_small else 256),
        "learning_rate": LEARNING_RATES[values["optimizer"]],
        "weight_decay": 1e-4 if values["optimizer"] == "adamw" else 0.0,
        "image_size": own.image_size(data),
    }
    values = dict(values)
    values |= {name: default for name, default in defaults.items() if values[name] is None}
    if values["threads"] is None:
        values["threads"] = receipt.num_threads()
    _refuse_contradictions(values, data)
    if values["class_weights"] == BALANCED:
        values["class_weights"] = balance.weights(data.train_labels, data.num_classes)
    num_outputs = data.num_classes  # of values, as many as an example has
    if values["task"] != "classification":
        num_outputs = math.prod(data.train_labels.shape[1:])
    if values["standardize"]:
        values["input_scaling"] = values.get("input_scaling") or _input_scaling(data)
    if data.class_names:
        values["class_names"] = list(data.class_names)
    if "table" in values and values["task"] == "regression":
        values["output_scaling"] = tables.output_scaling(data.train_labels)
    return values | {
        "dataset": data.name,
        "data_sha256": data.sha256,
        "sizes": [data.train_inputs.shape[1], *values["hidden_sizes"], num_outputs],
        "image_shape": data.image_shape and list(data.image_shape),
    }


def _input_scaling(data: Dataset) -> dict[str, list[float]]:
    """What brings each column of the training inputs to a mean of 0 and a deviation of 1."""
    if isinstance(data.train_inputs, Rows):
        mebibytes = data.train_inputs.nbytes / 2**20
        raise ValueError(
            f"--standardize needs inputs in memory, got {mebibytes:.3g} MiB and --window"
        )
    scaling = jaxmlp.scaling_of(data.train_inputs)
    return {name: list(values) for name, values in scaling._asdict().items()}


def _refuse_contradictions(values: Mapping[str, Any], data: Dataset) -> None:
    task, metric = values["task"], values["stop_metric"]
    answers = ["binary_accuracy"]
    metrics = {"classification": ["accuracy"], "binary": answers, "multilabel": answers}
    known = ["loss", *metrics.get(task, ["absolute_error", "r2"])]
    if metric not in known:
        raise ValueError(f"--stop_metric of a {task} needs {' or '.join(known)}, got {metric}")
    for name in ("label_smoothing", "class_weights"):
        if values[name] and task == "regression":
            raise ValueError(f"--{name} needs labels that are classes, got --task=regression")
    if values["image_size"] and own.image_size(data) is None:
        raise ValueError(f"--image_size needs a folder of pictures, got {data.name}")
    if values["standardize"] and "table" in values:
        raise ValueError("--standardize is for arrays: columns of a table are standardised already")
    if values["class_weights"] and task == "multilabel":
        raise ValueError("--class_weights needs one class an example, got --task=multilabel")
    for name in ("patience", "target"):
        if values[name] is not None and data.validation_inputs is None:
            raise ValueError(f"--{name} needs a validation set: expected --validation_fraction=0.1")
    if by_name(metric).is_share and (values["target"] or 0) > 1:
        raise ValueError(f"--target of the accuracy needs a share up to 1, got {values['target']}")
    if values["patience"] is not None and values["patience"] < values["eval_every"]:
        raise ValueError(
            "--patience needs a look at the validation set in that time: "
            f"expected --eval_every={values['patience']} or less, got {values['eval_every']}"
        )


def _outputs(given: Settings, is_table: bool, roles: list[str]) -> dict[str, Any]:
    """What decides no result but what a run leaves."""
    number, unit = given.checkpoint_every
    values = {name: getattr(given, name) for name in settings.names_of(*roles)}
    if values["baselines"] is None:
        values["baselines"] = is_table
    return values | {"checkpoint_every": f"{number}{unit}s" if number else "0"}


def _resumable(made: dict[str, Any], earlier: Mapping[str, Any] | None) -> dict[str, Any]:
    """A config as it is written; raises ValueError if the earlier run cannot go on with it."""
    if earlier is None:
        return made
    kind = "sweep" if "sweep" in made else "run"
    free = {n for n, about in ABOUT.items() if about.may_change} if kind == "run" else set()
    if earlier["mode"] == made["mode"] == "exact" and earlier["mesh"] and made["mesh"]:
        are_cut = [devices.of_member(each)["mesh"] is not None for each in (earlier, made)]
        if are_cut[0] == are_cut[1]:  # batches: the bits are then the same on any mesh
            free |= {"mesh"}
    names = [name for name in made if name not in free | FREE]
    then, now = ({name: each.get(name) for name in names} for each in (earlier, made))
    changes = list(receipt.differences(then, now))
    epochs, length = earlier["num_epochs"], made["num_epochs"]
    if kind == "run" and length < epochs:
        changes.append(f"num_epochs: expected {epochs} or more, got {length}")
    elif kind == "run" and length > epochs and made["schedule"] != "constant":
        what = f"the length of the schedule {made['schedule']}"
        changes.append(f"num_epochs: expected {epochs}, {what}, got {length}")
    if changes:
        raise ValueError(f"--resume needs the earlier {kind}'s settings; {'; '.join(changes)}")
    return made | {"data_dir": earlier["data_dir"]}
