"""How long the preset quick trains, beside the classic recipe: on MNIST, by turns, seed by seed."""

import statistics
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jaxmlp
from experiments.app import config as configs
from experiments.app import recipes, settings
from experiments.app.fields import RESULT
from experiments.app.presets import PRESETS
from experiments.speed import search
from jaxmlp.runtime.recompilation import RecompilationWarning
from jaxmlp.types import Dataset

__all__ = ["CLASSIC", "GOAL", "QUICK", "SEEDS", "measure", "num_there", "recipe_of", "share_of"]

SEEDS = range(20)
GOAL = 0.98  # of the test images
CLASSIC, QUICK = "classic", "quick"


def recipe_of(name: str, data: Dataset) -> jaxmlp.Recipe:
    """What `experiments.mnist` trains: without flags, or with those of the preset.

    Args:
      name: CLASSIC or QUICK.
      data: what on.
    """
    given = {} if name == CLASSIC else PRESETS[name]
    values = {setting: settings.DEFAULTS[setting] for setting in settings.names_of(RESULT)}
    return recipes.recipe(configs.complete({**values, "data_dir": None, **given}, data))


def measure(
    data: Dataset, seeds: Sequence[int], repeats: int, tell: Callable[[str], object]
) -> dict[str, Any]:
    """Trains both recipes with each seed by turns; tests each network once, when the clock stands.

    Args:
      data: what on, with a test set.
      seeds: of the networks.
      repeats: turns of each recipe, with the first seeds, in which all is compiled anew.
      tell: called with what is being done.

    Returns:
      By the recipe's name: "seconds" and "test_accuracy" of each seed, and "seconds_compiling" of
      each such turn; "share" and "share_compiling", as `share_of` has them; the seeds, and for how
      many of them quick is there, at GOAL or above.
    """
    tested = data.sets()["test"][:2]
    alone = data._replace(test_inputs=None, test_labels=None)  # no look at it takes time
    both = {name: recipe_of(name, data) for name in (CLASSIC, QUICK)}
    seconds: dict[str, list[float]] = {name: [] for name in both}
    compiling: dict[str, list[float]] = {name: [] for name in both}
    accuracy: dict[str, list[float]] = {name: [] for name in both}

    def turn(seed: int, recipe: jaxmlp.Recipe) -> tuple[float, jaxmlp.Run]:
        time.sleep(search.REST)
        started = time.perf_counter()
        run = jaxmlp.train(recipe, alone, seed)
        return time.perf_counter() - started, run

    with warnings.catch_warnings(), search.without_cache():
        warnings.simplefilter("ignore", RecompilationWarning)
        tell("compiling")
        for recipe in both.values():
            jaxmlp.warm_up(recipe, data)
            jaxmlp.warm_up(recipe, alone)
        for seed in seeds:
            for name, recipe in both.items():
                tell(f"seed {seed}: {name}")
                took, run = turn(seed, recipe)
                seconds[name].append(took)
                found = jaxmlp.evaluate(recipe, run.params, *tested)
                accuracy[name].append(found["accuracy"])
        for seed in seeds[:repeats]:
            for name, recipe in both.items():
                tell(f"compiling anew, seed {seed}: {name}")
                compiling[name].append(turn(seed, _anew(recipe))[0])
    return {
        "seeds": list(seeds),
        "recipes": {name: repr(recipe) for name, recipe in both.items()},
        "test_accuracy": accuracy,
        "seconds": seconds,
        "seconds_compiling": compiling,
        "num_there": num_there(accuracy[QUICK]),
        "share": share_of(seconds),
        "share_compiling": share_of(compiling),
    }


def num_there(accuracies: Sequence[float]) -> int:
    """How many are at GOAL or above.

    >>> num_there([0.98, 0.9799, 0.985])
    2
    """
    return sum(accuracy >= GOAL for accuracy in accuracies)


def share_of(seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Of the classic recipe's time what quick takes: the median and the most of the turns.

    >>> share_of({"classic": [4.0, 5.0, 4.0], "quick": [1.0, 1.0, 2.0]})
    {'median': 0.25, 'worst': 0.5}
    """
    shares = [own / theirs for own, theirs in zip(seconds[QUICK], seconds[CLASSIC], strict=True)]
    return {"median": statistics.median(shares), "worst": max(shares)}


def _anew(recipe: jaxmlp.Recipe) -> jaxmlp.Recipe:
    """The same by an optimizer that no program has been compiled for."""
    return recipe._replace(optimizer=lambda **given: recipe.optimizer(**given))
