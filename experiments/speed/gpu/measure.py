"""All that is measured on a GPU, the most important first, within so many minutes."""

import datetime
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax

from experiments.app import determinism
from experiments.speed import race
from experiments.speed.gpu import children, device, expectation, programs, training
from experiments.speed.gpu.cases import FULL, SMALL, Scale, cases
from experiments.speed.peers import Peer
from experiments.speed.processes import AnswerError, missing, running, turn
from jaxmlp.types import Dataset

Tell = Callable[[str], object]
Figures = dict[str, Any]
FLAGS = {  # of XLA, for one network alone
    "as it is": "",
    "--deterministic": determinism.merged(""),
    "the loop as a command buffer": "--xla_gpu_enable_command_buffer=+WHILE",
}
PEERS = (
    Peer("torch_gpu", "PyTorch in memory", ("torch",)),
    Peer("torch_gpu_ensemble", "PyTorch ensemble", ("torch",), is_population=True),
)


class Stage(NamedTuple):
    """A part of what is measured."""

    name: str
    seconds: float  # that it may take on a GPU: it is left out where fewer are left
    do: Callable[[], None]  # adds to the figures


def measure(
    data: Dataset, minutes: float, rehearse: bool, tell: Tell, save: Callable[[Figures], None]
) -> Figures:
    """Measures until the time is over.

    Args:
      data: what accuracies are of.
      minutes: after which nothing more begins.
      rehearse: whether this is to try the measuring, in small, wherever it may run.
      tell: called with what is being done.
      save: called with the figures after each part, for one that is cut short to leave them.

    Returns:
      "rehearsal", "date" and "device", then what each stage adds, and "skipped", the names of those
      that there was no time for.
    """
    scale = SMALL if rehearse else FULL
    started = time.perf_counter()
    figures: Figures = {
        "rehearsal": rehearse,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "device": {"kind": jax.devices()[0].device_kind, "platform": jax.default_backend()},
        **{"limits": None, "alone": [], "population": [], "programs": [], "promises": []},
        **{"digests": {}, "until": None, "peers": [], "skipped": []},
    }
    with tempfile.TemporaryDirectory() as folder:
        for stage in stages(scale, rehearse, data, figures, tell, Path(folder)):
            left = 60 * minutes - (time.perf_counter() - started)
            if left < (0.0 if rehearse else stage.seconds):
                figures["skipped"].append(stage.name)
                continue
            tell(f"{stage.name}; {left:.0f} s left")
            stage.do()
            save(figures)
    figures["seconds"] = time.perf_counter() - started
    return figures


def stages(
    scale: Scale, rehearse: bool, data: Dataset, figures: Figures, tell: Tell, folder: Path
) -> Iterator[Stage]:
    """What there is to do, the most important first."""

    def limits() -> None:
        figures["limits"] = device.limits(scale)

    def check_programs() -> None:
        (folder / "programs").mkdir()
        figures["programs"] = programs.check(scale, tell, folder / "programs")

    def accuracy() -> None:
        figures["until"] = training.until(scale.target, data)

    yield Stage("the device's limits", 20, limits)
    yield Stage("the programs", 120, check_programs)
    for number in (1, 2):
        yield Stage(f"promises, process {number}", 45, promises(figures, f"process {number}"))
    every = cases(scale)
    serious = len(scale.members) + len(scale.precisions) - 1
    for case in every[:serious]:
        yield Stage(case.name, 25, population(case, scale, figures))
    size = "small" if rehearse else "full"
    for name, flags in FLAGS.items():
        yield Stage(f"a network alone, {name}", 20, alone(figures, name, flags, size))
    yield Stage(f"time to {100 * scale.target:g} %", 15, accuracy)
    for peer in PEERS:
        yield Stage(f"{peer.what} on the GPU", 25, beside(peer, scale, data, figures, folder))
    for case in every[serious:]:
        yield Stage(case.name, 20, population(case, scale, figures))
    yield Stage("promises without --deterministic", 45, promises(figures, "as it is", False))


def promises(figures: Figures, name: str, is_deterministic: bool = True) -> Callable[[], None]:
    """Has a process of its own look at the promises on bits."""

    def do() -> None:
        variables = {"JAX_ENABLE_COMPILATION_CACHE": "false"}
        if given := os.environ.get("JAX_PLATFORMS"):  # draws are compared with a CPU's
            variables["JAX_PLATFORMS"] = ",".join(dict.fromkeys([*given.split(","), "cpu"]))
        own = os.environ.get("XLA_FLAGS", "")
        variables |= {"XLA_FLAGS": determinism.merged(own)} if is_deterministic else {}
        said = children.ask("speed.gpu.promises", **variables)
        lost = {"promise": "", "what": "the promises", "held": False, "detail": said["failed"]}
        rows = said.get("rows", [lost])
        figures["promises"] += [{**row, "process": name} for row in rows]
        figures["digests"][name] = said["failed"] or said["digest"]

    return do


def population(case: Any, scale: Scale, figures: Figures) -> Callable[[], None]:
    """Trains a population; one that does not fit is a row that says so."""

    def do() -> None:
        row: Figures = {**case._asdict(), "failed": None}
        try:
            if case.precision not in figures["limits"]["flops"]:
                raise ValueError(f"the device has no {case.precision}")
            row |= training.population(case, scale, figures["limits"])
        except (ValueError, RuntimeError) as error:  # XLA's are RuntimeErrors
            row["failed"] = str(error).splitlines()[0][:200]
        row["expected"] = expected(case)
        figures["population"].append(row)

    return do


def expected(case: Any) -> float | None:
    """What arithmetic gives an H100; None for networks of a rehearsal."""
    is_known = case.sizes in FULL.networks
    return expectation.rate(expectation.H100, *case[:3]) if is_known else None


def alone(figures: Figures, name: str, flags: str, size: str) -> Callable[[], None]:
    """Has a process of its own train one network by these flags of XLA."""

    def do() -> None:
        both = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
        said = children.ask("speed.gpu.alone", size, **({"XLA_FLAGS": both} if flags else {}))
        figures["alone"].append({"what": name, "flags": flags, **said})

    return do


def beside(
    peer: Peer, scale: Scale, data: Dataset, figures: Figures, folder: Path
) -> Callable[[], None]:
    """Has PyTorch train the first network on the same device."""

    def do() -> None:
        row: Figures = {"what": peer.what, "absent": missing(peer), "failed": None}
        networks = scale.peer_members if peer.is_population else 1
        row |= {"num_networks": networks, "network_epoch_seconds": None}
        figures["peers"].append(row)
        if row["absent"]:
            return
        sizes = scale.networks[0]
        own = training.random_data(sizes, scale.num_examples)
        own = own._replace(test_inputs=own.train_inputs[:100], test_labels=own.train_labels[:100])
        work = race.write(own, folder / "random.npz")
        work = work._replace(
            hidden=sizes[1:-1], num_networks=networks, num_epochs=scale.epochs + 1, eval_every=0
        )
        try:
            with running(peer, work, folder / peer.name, on_gpu=True) as process:
                race.start(process)
                seconds = [turn(process, "trained")[0] for _ in range(scale.epochs)]
            row["network_epoch_seconds"] = sorted(seconds)[len(seconds) // 2] / networks
        except AnswerError as error:
            row["failed"] = str(error)

    return do


def is_sound(figures: Figures) -> bool:
    """Whether all programs ran, all promises held with --deterministic, and digests agree."""
    rows = [*figures["programs"], *figures["promises"]]
    asked = [row for row in rows if row.get("process") != "as it is"]
    digests = {each for name, each in figures["digests"].items() if name != "as it is"}
    return all(row["held"] for row in asked) and len(digests) <= 1


def refuse_without_gpu(rehearse: bool) -> None:
    """Raises ValueError where there is no GPU, unless this is a rehearsal; or by $XLA_FLAGS."""
    determinism.merged(os.environ.get("XLA_FLAGS", ""))
    platform = jax.default_backend()
    if platform != "gpu" and not rehearse:
        raise ValueError(
            f"--gpu needs a GPU that JAX sees, got {platform}: pip install '.[cuda]' has CUDA's "
            f"JAX for {sys.executable}; --rehearse tries all of it in small"
        )
