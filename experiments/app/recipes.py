"""From names to a recipe: what a config means."""

from collections.abc import Mapping
from typing import Any

from jax.nn.initializers import Initializer

import jaxmlp
from jaxmlp import activations, initializers, optimizers, schedules

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
CHOICES = {  # setting -> its values
    "activation": activations.__all__,
    "kernel_init": KERNEL_INITS,
    "bias_init": BIAS_INITS,
    "optimizer": sorted(LEARNING_RATES),
    "schedule": schedules.__all__,
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
    model = jaxmlp.mlp(
        config["sizes"],
        _named("activation", config),
        _initializer("kernel_init", config),
        _initializer("bias_init", config),
    )
    optimizer = _named("optimizer", config)
    decay = {name: config[name] for name in ("l2", "weight_decay") if config[name]}
    scales = {
        scale: config[f"{what}_stddev"]
        for what, scale in (("kernel", "init_scale"), ("bias", "bias_scale"))
        if config[f"{what}_init"] == "gaussian"
    }
    return jaxmlp.Recipe(
        model=model,
        task=jaxmlp.classification(config["sizes"][-1]),
        optimizer=optimizers.with_decay(optimizer) if decay else optimizer,
        hyperparameters={"learning_rate": config["learning_rate"], **decay, **scales},
        batch_size=config["batch_size"],
        num_epochs=config["num_epochs"],
        schedule=_named("schedule", config),
    )


def _named(setting: str, config: Mapping[str, Any]) -> Any:
    """The function that a setting names: nothing else in a module is a text's to reach."""
    name, choices = config[setting], CHOICES[setting]
    if name not in choices:
        raise ValueError(f"{setting} needs to be one of {', '.join(choices)}, got {name!r}")
    return getattr(HOMES[setting], "adam" if name == "adamw" else name)  # adamw: with decay, below


def _initializer(setting: str, config: Mapping[str, Any]) -> Initializer:
    initializer = _named(setting, config)
    return initializer() if config[setting] == "gaussian" else initializer  # a scale is elsewhere
