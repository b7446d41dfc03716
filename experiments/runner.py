"""One life of a run: train, show, and leave everything in a folder."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import jax
import numpy as np
from absl import app, logging
from rich.console import Console
from rich.panel import Panel

import jaxmlp
from experiments import environment, workdir
from experiments.progress import EpochTable, format_metric
from jaxmlp.types import Dataset, TrainState

INTERRUPTED = 130  # exit code, by the shell's convention: 128 + SIGINT


def start(main: Callable[[list[str]], None]) -> None:
    """Runs a program's main with its flags read, and without the libraries' chatter."""
    logging.set_verbosity(logging.WARNING)
    app.run(main)


@contextlib.contextmanager
def clear_errors() -> Iterator[None]:
    """Turns a user's mistake into one line on the screen and exit code 1."""
    try:
        yield
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("\ninterrupted before training; nothing was written", file=sys.stderr)
        sys.exit(INTERRUPTED)


class Clock:
    """Seconds spent, by what they were spent on."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(("load", "compile", "train", "evaluate"), 0.0)
        self._last = time.perf_counter()

    def charge(self, purpose: str) -> None:
        """Books the time since the last call on a purpose."""
        now = time.perf_counter()
        self.seconds[purpose] += now - self._last
        self._last = now


class Job(NamedTuple):
    """What there is to do."""

    recipe: jaxmlp.Recipe
    data: Dataset
    config: Mapping[str, Any]  # what made the recipe; its seed and eval_every are used
    path: Path  # the folder, from `workdir.choose`
    notice: str | None = None  # what no reader of a record may miss
    plots: bool = True
    tensorboard: bool = False

    def marked(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """A record that says what it is about."""
        marks = {"dataset": self.data.name} | ({"notice": self.notice} if self.notice else {})
        return {**marks, **record}


class Recorder:
    """Takes down each epoch as it ends."""

    def __init__(self, job: Job, clock: Clock, table: EpochTable) -> None:
        self.epoch = 0
        self.state: TrainState | None = None  # after the last finished epoch
        self._job, self._clock, self._table = job, clock, table
        self._started = time.perf_counter()
        self._board = _tensorboard_writer(job.path) if job.tensorboard else None

    def on_steps(self, steps_done: int) -> None:
        """Books the training that led here."""
        self._clock.charge("train")
        self._table.step(steps_done)

    def on_epoch(self, epoch: int, state: TrainState, metrics: dict[str, float]) -> None:
        """Writes the epoch's line to metrics.jsonl, the screen and TensorBoard."""
        self._clock.charge("evaluate")
        self.epoch, self.state = epoch, state
        now = time.perf_counter()
        seconds, self._started = now - self._started, now
        line = self._job.marked({"epoch": epoch, "step": int(state.step), **metrics})
        workdir.append_line(self._job.path / "metrics.jsonl", {**line, "seconds": seconds})
        self._table.line(epoch, metrics, seconds)
        if self._board:
            for name, value in metrics.items():
                self._board.add_scalar(name, value, epoch)
            self._board.flush()

    def close(self) -> None:
        """Ends TensorBoard's file."""
        if self._board:
            self._board.close()


def run(job: Job, clock: Clock) -> dict[str, Any]:
    """Trains, shows the progress, and writes all there is to know into a folder.

    Args:
      job: what to do.
      clock: running, with the loading booked.

    Returns:
      What summary.json holds. A job that does not work out, or that is interrupted, ends the
      program with a message and an exit code instead.
    """
    console = Console(highlight=False)
    with clear_errors():
        if job.tensorboard:
            _import_tensorboard()
        jaxmlp.warm_up(job.recipe, job.data)
        workdir.create(job.path)
        workdir.write_json(job.path / "config.json", job.marked(job.config))
        facts = environment.describe() | {"data": _provenance(job.data)}
        workdir.write_json(job.path / "environment.json", job.marked(facts))
    clock.charge("compile")
    _introduce(console, job)

    steps_per_epoch = -(-len(job.data.train_inputs) // job.recipe.batch_size)
    table = EpochTable(console, job.recipe.num_epochs, steps_per_epoch)
    recorder = Recorder(job, clock, table)
    try:
        with table, contextlib.closing(recorder):
            trained = jaxmlp.train(
                job.recipe,
                job.data,
                job.config["seed"],
                eval_every=job.config["eval_every"],
                callback=recorder.on_epoch,
                on_steps=recorder.on_steps,
            )
        return _finish(console, job, clock, trained)
    except KeyboardInterrupt:
        _leave(job, recorder)


def _introduce(console: Console, job: Job) -> None:
    if job.notice:
        console.print(Panel(job.notice, style="bold yellow", title="not what you may expect"))
    sizes, data, recipe = job.config["sizes"], job.data, job.recipe
    num_test = len(data.sets()["test"][0])
    console.print(
        f"{data.name}: {len(data.train_inputs):,} training and {num_test:,} test examples, "
        f"from {data.source}\n"
        f"network {'-'.join(map(str, sizes))}, batch {recipe.batch_size}, {recipe.num_epochs} "
        f"epochs, seed {job.config['seed']}, on {jax.devices()[0].device_kind}",
        markup=False,
        soft_wrap=True,
    )


def _leave(job: Job, recorder: Recorder) -> NoReturn:
    """Keeps what an interrupted run has, and ends the program."""
    if recorder.state is None:
        print(f"interrupted in the first epoch; {job.path} holds no parameters", file=sys.stderr)
    else:
        jaxmlp.save_params(job.path / "params.npz", recorder.state.params)
        print(
            f"interrupted; {job.path} holds the metrics and parameters of the "
            f"{recorder.epoch} finished epochs, of {job.recipe.num_epochs}",
            file=sys.stderr,
        )
    sys.exit(INTERRUPTED)


def _finish(console: Console, job: Job, clock: Clock, trained: jaxmlp.Run) -> dict[str, Any]:
    path, data = job.path, job.data
    jaxmlp.save_params(path / "params.npz", trained.params)
    results = _evaluate(job, trained)
    clock.charge("evaluate")
    summary = job.marked(
        {
            "num_train": len(data.train_inputs),
            "num_test": len(data.sets()["test"][0]),
            **results,
            "num_epochs": job.recipe.num_epochs,
            "seed": job.config["seed"],
            "num_parameters": sum(leaf.size for leaf in jax.tree.leaves(trained.params)),
            "seconds": {name: round(spent, 3) for name, spent in clock.seconds.items()},
            "params_sha256": jaxmlp.digest(trained.params),
        }
    )
    workdir.write_json(path / "summary.json", summary)
    if job.plots:
        draw(job, trained)
    _conclude(console, path, summary)
    return summary


def _evaluate(job: Job, trained: jaxmlp.Run) -> dict[str, float]:
    """The final parameters on every example of both sets."""
    return {
        f"{name}_{metric}": value
        for name, examples in job.data.sets().items()
        for metric, value in jaxmlp.evaluate(job.recipe, trained.params, *examples).items()
    }


def draw(job: Job, trained: jaxmlp.Run) -> None:
    """The pictures of a run, into its plots/."""
    from experiments import plots  # here, since it takes a while to import

    folder, data = job.path / "plots", job.data
    inputs, labels = data.sets()["test"]
    folder.mkdir(exist_ok=True)
    plots.learning_curves(folder / "learning_curves.png", trained.history)
    probabilities = np.asarray(jaxmlp.predict(job.recipe, trained.params, inputs))
    guesses = probabilities.argmax(axis=1)
    plots.confusion_matrix(folder / "confusion_matrix.png", labels, guesses, data.num_classes)
    if data.image_shape:
        plots.wrong_examples(
            folder / "wrong_examples.png",
            inputs,
            labels,
            probabilities,
            data.image_shape,
        )
        kernel = np.asarray(trained.params[0].kernel)
        plots.first_layer(folder / "first_layer.png", kernel, data.image_shape)


def _conclude(console: Console, path: Path, summary: Mapping[str, Any]) -> None:
    spent = ", ".join(f"{name} {value:.1f} s" for name, value in summary["seconds"].items())
    scores = "   ".join(
        f"{name.replace('_', ' ')} {format_metric(name, summary[name])}"
        for name in ("test_accuracy", "train_accuracy", "test_loss", "train_loss")
        if name in summary
    )
    console.print(f"\n{scores}", style="bold", soft_wrap=True)
    console.print(
        f"{summary['num_parameters']:,} parameters, sha256 {summary['params_sha256'][:16]}...\n"
        f"{spent}\nall in {path}: {', '.join(sorted(item.name for item in path.iterdir()))}",
        markup=False,
        soft_wrap=True,
    )


def _provenance(data: Dataset) -> dict[str, Any]:
    return {"name": data.name, "source": data.source, "sha256": data.sha256}


def _import_tensorboard() -> Any:
    try:
        import tensorboardX
    except ImportError as error:
        raise ValueError(
            "--tensorboard needs the package tensorboardX, got none: install jaxmlp[tensorboard]"
        ) from error
    return tensorboardX


def _tensorboard_writer(path: Path) -> Any:
    return _import_tensorboard().SummaryWriter(str(path / "tensorboard"))
