"""A cross-validated search as one population, beside scikit-learn's GridSearchCV, by turns.

Both train the same networks: every fold, rate and seed, of the same sizes, by the same optimizer in
batches as large for as many epochs, on the same rows, standardised by those that a fold trains on.
Initial weights and the order of the rows are each library's own.
"""

import contextlib
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from jax.nn import relu

import jaxmlp
from experiments.data.tables import splits
from jaxmlp.runtime.recompilation import RecompilationWarning

__all__ = [
    "Search",
    "breast_cancer",
    "measure",
    "num_equal",
    "of_one_program",
    "of_single_runs",
    "theirs",
    "without_cache",
]

REST = 0.5  # seconds before a turn, in which the threads of the one before stop spinning
JOBS = 2  # of GridSearchCV
Rows = Sequence[tuple[np.ndarray, np.ndarray]]  # of each fold, that are trained on and tested


class Search(NamedTuple):
    """What is searched, on what."""

    name: str
    inputs: np.ndarray  # (N, features) float64, as they come
    labels: np.ndarray  # (N,) classes
    num_folds: int = 5
    seeds: Sequence[int] = range(8)
    rates: Sequence[float] = (1e-3, 3e-3, 1e-2)
    hidden: int = 64
    batch_size: int = 32
    num_epochs: int = 40

    @property
    def rows(self) -> Rows:
        """Of each fold, which rows are trained on, and which are tested."""
        found = splits.folds(self.labels, self.num_folds, where=self.name)
        return [(rows.train, rows.test) for rows in found]

    @property
    def num_networks(self) -> int:
        """How many networks there are."""
        return self.num_folds * len(self.seeds) * len(self.rates)


def breast_cancer() -> Search:
    """569 rows of 30 columns and 2 classes, which scikit-learn has with it."""
    from sklearn.datasets import load_breast_cancer

    return Search("breast_cancer", *load_breast_cancer(return_X_y=True))


def folds_of(search: Search) -> list[jaxmlp.Dataset]:
    """The folds, each standardised by the rows that it trains on."""

    def fold(train: np.ndarray, test: np.ndarray) -> jaxmlp.Dataset:
        mean, scale = search.inputs[train].mean(axis=0), search.inputs[train].std(axis=0)
        made = ((search.inputs - mean) / np.where(scale > 0, scale, 1.0)).astype(np.float32)
        labels = search.labels.astype(np.int32)
        return jaxmlp.Dataset(made[train], labels[train], made[test], labels[test])

    return [fold(*rows) for rows in search.rows]


def recipe_of(search: Search, activation: Callable[..., Any] = relu) -> jaxmlp.Recipe:
    """The network of a search, and how it is trained."""
    count = len(np.unique(search.labels))
    model = jaxmlp.mlp((search.inputs.shape[1], search.hidden, count), activation)
    task = jaxmlp.classification(count)
    given = {"learning_rate": 1e-3}
    return jaxmlp.Recipe(model, task, optax.adam, given, search.batch_size, search.num_epochs)


def of_one_program(
    search: Search, mode: str = "exact", activation: Callable[..., Any] = relu
) -> jaxmlp.Runs:
    """All networks as one population, tested at the end."""
    recipe, sweep = recipe_of(search, activation), {"learning_rate": search.rates}
    folds, seldom = folds_of(search), search.num_epochs
    return jaxmlp.train_many(recipe, folds, search.seeds, sweep, mode=mode, eval_every=seldom)


def of_single_runs(search: Search) -> list[jaxmlp.Run]:
    """The same one by one, in the order of the population's axes."""
    recipe, folds = recipe_of(search), folds_of(search)
    return [
        jaxmlp.train(
            recipe._replace(hyperparameters={"learning_rate": rate}),
            fold,
            seed,
            eval_every=search.num_epochs,
        )
        for rate in search.rates
        for fold in folds
        for seed in search.seeds
    ]


def num_equal(runs: jaxmlp.Runs, alone: Sequence[jaxmlp.Run]) -> int:
    """How many members have the bits of the runs of `of_single_runs`: state and history."""

    def bits(run: jaxmlp.Run) -> tuple[str, str]:
        return jaxmlp.digest(run.state), jaxmlp.digest(dict(run.history))

    names, count = list(runs.axes), 0
    for position, run in zip(np.ndindex(*runs.shape), alone, strict=True):
        where = {name: runs.axes[name][i] for name, i in zip(names, position, strict=True)}
        count += bits(runs.member(**where)) == bits(run)
    return count


def theirs(search: Search, jobs: int = JOBS) -> float:
    """The same by scikit-learn: the accuracy, a mean over all."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network = MLPClassifier(
        (search.hidden,),
        alpha=0.0,
        batch_size=search.batch_size,
        max_iter=search.num_epochs,
        n_iter_no_change=search.num_epochs + 1,  # all epochs
        tol=0.0,
    )
    grid = {
        "mlpclassifier__learning_rate_init": list(search.rates),
        "mlpclassifier__random_state": list(search.seeds),
    }
    found = GridSearchCV(
        make_pipeline(StandardScaler(), network), grid, cv=search.rows, n_jobs=jobs, refit=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # there are to be so many epochs
        found.fit(search.inputs, search.labels)
    return float(found.cv_results_["mean_test_score"].mean())


def measure(search: Search, repeats: int, tell: Callable[[str], object]) -> dict[str, Any]:
    """Has each train all networks by turns.

    Args:
      search: what.
      repeats: turns of each.
      tell: called with what is being done.

    Returns:
      Seconds of each turn: "population", compiled before; "fast", the same in fast mode;
      "compiling", with nothing compiled before; "runs", one by one; and "grid_search". How many
      members have the bits of the single runs, and the accuracies.
    """
    seconds: dict[str, list[float]] = {}
    found: dict[str, Any] = {}

    def turn(name: str, function: Callable[[], Any]) -> None:
        tell(f"turn {len(seconds.get(name, [])) + 1} of {repeats}: {name.replace('_', ' ')}")
        time.sleep(REST)
        started = time.perf_counter()
        found[name] = function()
        seconds.setdefault(name, []).append(time.perf_counter() - started)

    with warnings.catch_warnings(), without_cache():
        warnings.simplefilter("ignore", RecompilationWarning)
        tell("first, untimed: compiles, and starts the grid search's processes")
        of_one_program(search)
        of_one_program(search, "fast")
        theirs(search._replace(num_epochs=1))
        for _ in range(repeats):
            turn("population", lambda: of_one_program(search))
            turn("fast", lambda: of_one_program(search, "fast"))
            turn("grid_search", lambda: theirs(search))
            # A function that is made anew is compiled anew.
            turn("compiling", lambda: of_one_program(search, activation=lambda x: relu(x)))
            turn("runs", lambda: of_single_runs(search))
    runs = found["population"]
    return {
        "search": search._asdict()
        | {"inputs": list(search.inputs.shape), "labels": None, "seeds": list(search.seeds)},
        "num_networks": search.num_networks,
        "num_classes": len(np.unique(search.labels)),
        "num_equal": num_equal(runs, found["runs"]),
        "accuracy": float(runs.final("test_accuracy").mean()),
        "grid_search_accuracy": found["grid_search"],
        "seconds": seconds,
        "ratio": _ratio(seconds, "population"),
        "ratio_fast": _ratio(seconds, "fast"),
        "ratio_compiling": _ratio(seconds, "compiling"),
    }


@contextlib.contextmanager
def without_cache() -> Iterator[None]:
    """What is compiled is not taken from the disk."""
    name = "jax_enable_compilation_cache"
    before = getattr(jax.config, name)
    jax.config.update(name, False)
    try:
        yield
    finally:
        jax.config.update(name, before)


def _ratio(seconds: dict[str, list[float]], name: str) -> float:
    """How many times as long the grid search takes, by the medians."""
    return statistics.median(seconds["grid_search"]) / statistics.median(seconds[name])
