"""From names to a recipe: what a config means."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from jax.nn.initializers import Initializer

import jaxmlp
from jaxmlp import activations, initializers, losses, metrics, optimizers, schedules
from jaxmlp.nn.scaling import Scaling
from jaxmlp.optim import averages
from jaxmlp.runtime.meshes import axes_of
from jaxmlp.training.placement import MODEL

LEARNING_RATES = {  # the default for each optimizer
    "adagrad": 0.01,
    "adam": 1e-3,
    "adamw": 1e-3,
    "lion": 1e-4,
    "momentum": 0.01,
    "nadam": 1e-3,
    "nesterov": 0.01,
    "rmsprop": 1e-3,
    "sgd": 0.1,
}
KERNEL_INITS = [name for name in initializers.__all__ if name != "ones"]
BIAS_INITS = ["gaussian", "ones", "zeros"]
HOMES = {  # setting -> where the functions are that its values name
    "activation": activations,
    "kernel_init": initializers,
    "bias_init": initializers,
    "optimizer": optimizers,
    "schedule": schedules,
}


def regression(num_outputs: int, scaling: Scaling | None = None) -> jaxmlp.Task:
    """Values, judged by the absolute error and by the share of their variance.

    Args:
      num_outputs: how many.
      scaling: of the labels, in whose scale training measures them.
    """
    center = 0.0 if scaling is None else scaling.mean[0]
    made = jaxmlp.regression(num_outputs, unit=None if scaling is None else scaling.scale)
    return made._replace(metrics=(losses.absolute_error, metrics.r2(center)))


TASKS: dict[str, Callable[..., jaxmlp.Task]] = {  # what the labels are -> of how many outputs
    "classification": jaxmlp.classification,
    "binary": jaxmlp.binary_classification,
    "multilabel": jaxmlp.binary_classification,
    "regression": regression,
}
NORMS = ["none", "batch", "layer"]
CHOICES = {  # setting -> its values
    "activation": activations.__all__,
    "kernel_init": KERNEL_INITS,
    "bias_init": BIAS_INITS,
    "optimizer": sorted(LEARNING_RATES),
    "schedule": schedules.__all__,
}


def _takers(setting: str, argument: str) -> list[str]:
    """The names that a setting may have whose functions take an argument."""
    functions = {name: _function(setting, name) for name in CHOICES[setting]}
    return [name for name, f in functions.items() if argument in inspect.signature(f).parameters]


def _function(setting: str, name: str) -> Any:
    return getattr(HOMES[setting], "adam" if name == "adamw" else name)  # its decay is elsewhere


OWN = {  # settings that are a schedule's or an optimizer's own -> which of them take it
    **{share: ("schedule", _takers("schedule", share)) for share in ("warmup", "decay")},
    **{mean: ("optimizer", _takers("optimizer", mean)) for mean in ("b1", "b2")},
}


def recipe(config: Mapping[str, Any]) -> jaxmlp.Recipe:
    """The recipe of a config, as the flags make it and a run's config.json keeps it.

    Raises:
      ValueError: if a setting is missing, or is none of its kind.
    """
    try:
        return _recipe(config)
    except (KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"expected a run's settings, got {error!r}") from error


def _recipe(config: Mapping[str, Any]) -> jaxmlp.Recipe:
    scales = {
        scale: config[f"{what}_stddev"]
        for what, scale in (("kernel", "init_scale"), ("bias", "bias_scale"))
        if config[f"{what}_init"] == "gaussian"
    }
    extras = _given(config, "l2", "weight_decay", "l1", "clip_norm", "clip_value", "max_norm")
    average = _given(config, "average")
    optimizer, schedule = _named("optimizer", config), _named("schedule", config)
    numbers = extras | average | scales | _own(config)
    return jaxmlp.Recipe(
        model=model(config),
        task=task(config),
        optimizer=optimizers.regularized(optimizer) if extras or average else optimizer,
        hyperparameters={"learning_rate": config["learning_rate"], **numbers},
        batch_size=config["batch_size"],
        num_epochs=config["num_epochs"],
        schedule=schedule,
        eval_params=averages.averaged if average else None,
    )


def model(config: Mapping[str, Any]) -> jaxmlp.Model:
    """The network of a config; raises as `recipe` does."""
    noises = ("input_noise", "input_dropout")
    if config.get("ladder") and not any(config.get(name) for name in noises):
        raise ValueError(
            "--ladder needs --input_noise or --input_dropout, without which there is nothing to be "
            "found again, got neither"
        )
    norm = config.get("norm", "none")
    plain = jaxmlp.mlp(
        config["sizes"],
        _named("activation", config),
        _initializer("kernel_init", config),
        _initializer("bias_init", config),
        **_given(config, "dropout", "input_dropout", "input_noise", "noise", "ladder"),
        norm=None if norm == "none" else norm,
    )
    scaled = jaxmlp.standardized(
        plain, scaling("input_scaling", config), scaling("output_scaling", config)
    )
    whole = jaxmlp.with_precision(scaled, config.get("precision", "float32"))
    return jaxmlp.with_sharded(whole) if divides_layers(config) else whole


def divides_layers(config: Mapping[str, Any]) -> bool:
    """Whether the mesh of a record divides a network's layers.

    >>> divides_layers({"mesh": "data:2,model:2"}), divides_layers({"mesh": "data:2"})
    (True, False)
    """
    mesh = config.get("mesh")
    return mesh is not None and axes_of(mesh).get(MODEL, 1) > 1


def task(config: Mapping[str, Any]) -> jaxmlp.Task:
    """What the network of a config is for; raises as `recipe` does."""
    kind, num_outputs = config.get("task", "classification"), config["sizes"][-1]
    if kind == "regression":
        made = regression(num_outputs, scaling("output_scaling", config))
    else:
        made = TASKS[kind](num_outputs, **_given(config, "label_smoothing", "class_weights"))
    if mixup := config.get("mixup"):
        made = jaxmlp.with_mixup(made, mixup)
    if vat := config.get("vat"):
        made = jaxmlp.with_vat(made, vat, config["vat_epsilon"])
    return made


def scaling(name: str, config: Mapping[str, Any]) -> Scaling | None:
    """The scaling of inputs or outputs that a record has under a name, if any."""
    record = config.get(name)
    return None if record is None else Scaling(tuple(record["mean"]), tuple(record["scale"]))


def _given(config: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The settings that are not off: 0 and None are no part of a program."""
    return {name: config[name] for name in names if config.get(name)}


def _own(config: Mapping[str, Any]) -> dict[str, float]:
    """What the schedule and the optimizer are given, but for what they decide by themselves."""
    given = {name: config[name] for name in OWN if config.get(name) is not None}
    for name in given:
        whose, takers = OWN[name]
        if config[whose] not in takers:
            known, got = ", ".join(takers), config[whose]
            raise ValueError(f"--{name} needs --{whose} to be one of {known}, got {got}")
    return {name: float(value) for name, value in given.items()}


def _named(setting: str, config: Mapping[str, Any]) -> Any:
    """The function that a setting names: nothing else in a module is a text's to reach."""
    name, choices = config[setting], CHOICES[setting]
    if name not in choices:
        raise ValueError(f"{setting} needs to be one of {', '.join(choices)}, got {name!r}")
    return _function(setting, name)


def _initializer(setting: str, config: Mapping[str, Any]) -> Initializer:
    initializer = _named(setting, config)
    return initializer() if config[setting] == "gaussian" else initializer  # a scale is elsewhere
