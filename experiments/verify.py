"""Runs a finished or interrupted run again by its receipt, and compares all that its records say.

    python -m experiments.verify runs/mnist-2026-11-20-120000

A finished sweep is trained again whole: every network's parameters and history, the settings' table
and the summary are compared.

Makes every figure of the folder's records again: each line of metrics.jsonl, the summary, the
faults, the parameters and their digests, and what the settings follow from. Says "identical to the
bit", or the first epoch whose parameters differ and each field that does; and what it does not
vouch for. Uses the number of threads that the receipt has. Reads the folder, and the data where the
receipt names them, where --look_in says or in the usual places; writes nothing but a download of
the data into the user's own cache. Exit code 0 if all is identical, 4 if not, 1 for a mistake.
Takes as long as the run did.
"""

import itertools
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from absl import flags
from rich.console import Console

import jaxmlp
from experiments.app import config as configs
from experiments.app import (
    determinism,
    devices,
    endings,
    environment,
    material,
    recipes,
    report,
    settings,
    startup,
    tables,
)
from experiments.app.fields import RESULT
from experiments.app.job import Job, window_of
from experiments.app.material import Material
from experiments.app.progress import EpochTable
from experiments.app.screen import one_line
from experiments.data import sources
from experiments.data.own import ENDINGS
from experiments.data.sizes import size_of
from experiments.data.tables.reading import is_table
from experiments.folder import proof, records, schema, sweep_proof
from experiments.folder.files import as_written
from experiments.folder.proof import Claim, Rerun
from experiments.folder.workdir import user_path
from jaxmlp.runtime import receipt
from jaxmlp.training.batches import num_steps
from jaxmlp.types import Dataset

NOT_IDENTICAL = 4  # exit code
NOT_VOUCHED_FOR = (
    "seconds, which outputs were asked for, the preset's name, where the data lay, the texts of "
    "notice and environment, how a file is packed, and whatever else is in the folder, such as "
    "checkpoints and pictures"
)
NOT_OF_A_SWEEP = f"metrics.jsonl, {NOT_VOUCHED_FOR}"
FAST = "in fast mode bits are promised of the same devices and memory alone"
_SOME = {"seconds": "some"}  # however many

FLAGS = flags.FLAGS
flags.adopt_module_key_flags(startup)
flags.DEFINE_string("look_in", None, "Folder to look for the data in first.")


def main(argv: list[str]) -> None:
    """Compares, says what came out, and ends with the exit code."""
    console = Console(highlight=False)
    with endings.clear_errors():
        if len(argv) != 2:
            raise ValueError(f"expected one run's folder, got {' '.join(argv[1:]) or 'nothing'}")
        folder = user_path(argv[1])
        if is_sweep(folder):
            verify_sweep(console, folder)
            return
        claim = proof.read(folder)
        config = records.as_now(claim.receipt["config"])
        on_these = {"mesh": devices.needed(config), "mode": config["mode"]}
        startup.wake(config["threads"], config["deterministic"], **on_these)
        loaded = load(console, config)
        data = loaded.data
        found = list(data_differences(claim, data))
        job = make_job(folder, claim, data)._replace(preparations=loaded.preparations)
        with startup.compiling(console) as on_compiled:
            on_these = {"mesh": job.mesh, "mode": job.config["mode"]}
            jaxmlp.warm_up(job.recipe, data, on_compiled, window=job.window, **on_these)
    made = train(console, job, claim)
    found += differences(job, claim, made)
    conclude(console, job, claim, made, found)
    if found or made.differs:
        sys.exit(NOT_IDENTICAL)


def is_sweep(folder: Path) -> bool:
    """Whether a folder is a sweep's, by its config.

    Raises:
      ValueError: if it is one that has not ended.
    """
    if not (folder / "config.json").exists():
        return False
    if "sweep" not in schema.read(folder / "config.json", schema.Fields({})):
        return False
    if not (folder / "runs.npz").exists():
        raise ValueError(f"{folder} needs to hold a finished sweep, got no runs.npz")
    return True


def verify_sweep(console: Console, folder: Path) -> None:
    """Trains all networks of a sweep again, says what came out, and ends with the exit code."""
    config = records.read_config(folder / "config.json")
    machine = schema.read(folder / "environment.json", records.ENVIRONMENT)
    alone = {**config, **devices.of_member(config)}
    if alone["mesh"] is None:
        environment.use_devices()
    startup.wake(
        config["threads"],
        config["deterministic"],
        mesh=devices.needed(alone),
        mode=alone["mode"],
        is_alone=False,
    )
    loaded = load(console, config)
    found = list(receipt.differences(config["data_sha256"], loaded.data.sha256, "data.sha256"))
    found += sweep_proof.settings_differences(config, loaded)
    found += sweep_proof.preparation_differences(folder, loaded)
    job = sweep_proof.job_of(folder, config, loaded)
    made = sweep_proof.rerun(console, job)
    found += sweep_proof.differences(console, job, config, made)
    if found:
        console.print("the sweep differs:", style="bold red")
    else:
        networks = f"{made.runs.stopped_at.size:,} networks"
        console.print(f"{networks}: identical to the bit", style="bold green")
    why = [*determinism.remark(config, machine), *([FAST] if made.plan.mode == "fast" else [])]
    now = {**receipt.describe(), "num_devices": machine.get("num_devices")}
    differs = receipt.differences({n: machine.get(n) for n in now}, now, "environment")
    for line in [*found, *differs, *(why if found else [])]:
        say(console, line)
    files = ", ".join(sweep_proof.files_of(folder))
    say(console, f"compared: {files}; not vouched for: {NOT_OF_A_SWEEP}")
    if found:
        sys.exit(NOT_IDENTICAL)


def load(console: Console, config: Mapping[str, Any]) -> Material:
    """The data of a config, as they are here, under the name that it has for them."""
    look_in = user_path(FLAGS.look_in) if FLAGS.look_in else None
    name, places = config["dataset"], [str(each) for each in (look_in, config["data_dir"]) if each]
    if look_in and (look_in / Path(name).name).is_file():  # a user's own
        name = str(look_in / Path(name).name)
    is_own = name.endswith(ENDINGS) or is_table(name)
    where = f", first in {', '.join(places)}" if places and not is_own else ""
    say(console, f"reads the data {name}{where}")
    if "table" in config:
        return _called(material.of_table(config, name), config["dataset"])
    is_checked, task, window = config["check_finite"], config["task"], window_of(config)
    size = config["image_size"] and size_of(config["image_size"])
    data = sources.load(
        name,
        look_in=places,
        check_finite=is_checked,
        task=task,
        window=window,
        image_size=size,
        before=config,
    )
    found = material.divided(data, config.get("folds", 0), config["validation_fraction"])
    return _called(found, config["dataset"])


def _called(found: Material, name: str) -> Material:
    """The same by the name that a folder has for it."""
    folds = tuple(each._replace(name=name) for each in found.folds)
    return found._replace(data=found.data._replace(name=name), folds=folds)


def make_job(folder: Path, claim: Claim, data: Dataset) -> Job:
    """What a receipt's settings mean for the data, whose digest is taken as the receipt has it.

    Raises:
      ValueError: if they contradict each other.
    """
    claimed = records.as_now(claim.receipt["config"])
    names = [*settings.names_of(RESULT), "data_dir", *(["table"] if "table" in claimed else [])]
    values = {name: claimed[name] for name in names}
    data = data._replace(sha256=claim.receipt["data"]["sha256"])
    others = {n: v for n, v in claim.receipt["config"].items() if n in ("outputs", "preset")}
    white = configs.pixels(data) if "white" in claimed else {}  # which older folders have not
    config = configs.complete(values, data) | white | others
    return Job(recipes.recipe(config), data, config, folder, claim.receipt.get("notice"))


def train(console: Console, job: Job, claim: Claim) -> Rerun:
    """Trains again, and shows each epoch."""
    steps = num_steps(len(job.data.train_inputs), job.recipe.batch_size)
    with EpochTable(console, claim.num_epochs, steps) as table:
        return proof.rerun(job, claim, table)


def data_differences(claim: Claim, data: Dataset) -> Iterator[str]:
    """Whether the data here are those of the receipt."""
    then, now = claim.receipt["data"]["sha256"], data.sha256
    yield from receipt.differences({"sha256": then}, {"sha256": now}, "data")


def differences(job: Job, claim: Claim, made: Rerun) -> Iterator[str]:
    """Where a folder says something else than came out, one line each.

    After the first epoch with other parameters there is nothing to compare with.
    """
    until = made.differs - 1 if made.differs else None
    for name in claim.missing:
        yield f"{name}: expected a file, got nothing"
    if claim.config is not None:
        config = job.marked(claim.receipt["config"])
        yield from receipt.differences(config, claim.config, "config")
    if claim.preparations is not None:
        expected, got = map(tables.by_name, (job.preparations, claim.preparations))
        yield from _of(tables.PREPARATION, as_written(expected), got)
    yield from _receipt(job, claim, made, until)
    if claim.lines is not None:
        yield from _lines("metrics.jsonl epoch", made.lines[:until], claim.lines[:until])
    if made.differs:
        yield from _at_odds(claim, made, made.differs)
        return
    if claim.summary is not None:
        yield from _of("summary.json", made.summary_for(claim.summary), claim.summary)
    if claim.faults is not None:
        certain = sum(fault.epoch <= len(made.lines) for fault in made.faults)
        faults = made.faults[: max(certain, len(claim.faults))]
        lines = [as_written(job.marked(fault._asdict())) for fault in faults]
        yield from _lines("faults.jsonl line", lines, claim.faults)
    if claim.fault is not None:
        fault = job.marked(made.fault._asdict()) if made.fault else {}
        yield from _of("fault.json", as_written(fault), claim.fault)
    yield from _parameters(claim, made)


def _receipt(job: Job, claim: Claim, made: Rerun, until: int | None) -> Iterator[str]:
    """Compares receipt.json; what it says of the machine is not made again."""
    got = claim.receipt
    summary = got["summary"]
    if not made.differs and (summary or claim.receipt_epochs in claim.ends):
        summary = made.summary_for(summary or claim.summary or {})
    digests = made.digests[: claim.receipt_epochs][:until]
    expected = as_written(report.make_receipt(job, digests, summary))
    given = {"environment": got["environment"], "data": {**got["data"], "name": job.data.name}}
    config = records.as_now(got["config"])
    noted = {**got, "config": config, "params_sha256": got["params_sha256"][:until]}
    yield from _of("receipt.json", _by_epoch(expected | given), _by_epoch(noted))


def _at_odds(claim: Claim, made: Rerun, epoch: int) -> Iterator[str]:
    """Which file is wrong of the first epoch that differs, where two say different things of it."""
    lines = [line["params_sha256"] for line in claim.lines or []]
    digests = {"receipt.json": claim.receipt["params_sha256"], "metrics.jsonl": lines}
    noted = {file: of[epoch - 1] for file, of in digests.items() if len(of) >= epoch}
    if len(set(noted.values())) > 1 and len(made.digests) >= epoch:
        for file, digest in noted.items():
            name = f"{file} params_sha256.epoch {epoch}"
            yield from receipt.differences({name: made.digests[epoch - 1]}, {name: digest})


def _by_epoch(record: Mapping[str, Any]) -> dict[str, Any]:
    """A receipt whose digests have names."""
    digests = enumerate(record["params_sha256"], 1)
    return {**record, "params_sha256": {f"epoch {epoch}": digest for epoch, digest in digests}}


def _lines(file: str, expected: list[dict[str, Any]], got: list[dict[str, Any]]) -> Iterator[str]:
    """Compares files of lines."""
    for number, pair in enumerate(itertools.zip_longest(expected, got), 1):
        if None in pair:
            said = ["nothing" if each is None else "a line" for each in pair]
            yield "{} {}: expected {}, got {}".format(file, number, *said)
        else:
            yield from _of(f"{file} {number}", *pair)


def _of(file: str, expected: Mapping[str, Any], got: Mapping[str, Any]) -> Iterator[str]:
    """Compares records, but for their seconds."""
    ours, theirs = ({**each, **_SOME} if "seconds" in each else each for each in (expected, got))
    for line in receipt.differences(ours, theirs):
        yield f"{file} {line}"


def _parameters(claim: Claim, made: Rerun) -> Iterator[str]:
    """Compares params.npz, which before the end may be of any epoch."""
    if claim.params is None:
        return
    digest, expected = jaxmlp.digest(claim.params), made.digests
    if claim.num_epochs in claim.ends:
        expected = [made.summary_for({"num_epochs": claim.num_epochs})["params_sha256"]]
    if digest not in expected:
        yield f"params.npz: expected {expected[-1] if expected else 'nothing'}, got {digest}"


def conclude(console: Console, job: Job, claim: Claim, made: Rerun, found: list[str]) -> None:
    """Says what came out, and how far it goes."""
    epochs = claim.num_epochs
    same = f"identical to the bit in all {epochs} epochs" if epochs else "identical to the bit"
    if made.differs:
        console.print(f"epoch {made.differs} of {epochs} is the first to differ", style="bold red")
        if made.fault:
            say(console, f"a number that is not finite came up in {made.fault}")
    elif found:
        console.print(f"identical in all {epochs} epochs, but:", style="bold red")
    else:
        fault = f", and so is the fault in step {claim.fault['step']}" if claim.fault else ""
        console.print(f"{same}{fault}", style="bold green")
    environment = claim.receipt["environment"]
    machine = receipt.differences(environment, receipt.describe(), "environment")
    config = records.as_now(claim.receipt["config"])
    why = determinism.remark(config, environment) if made.differs else []
    for line in [*found, *machine, *why]:
        say(console, line)
    if not made.differs and not made.is_over and not claim.fault:
        say(console, f"unfinished: its settings go on to epoch {job.recipe.num_epochs}")
    if claim.params is not None and not found and not made.differs:
        epoch = 1 + made.digests.index(jaxmlp.digest(claim.params))
        packed = (
            "" if _is_as_saved(claim, job.path) else ", packed otherwise than they would be here"
        )
        say(console, f"params.npz has the parameters after epoch {epoch}{packed}")
    say(console, f"compared: {', '.join(claim.files)}; not vouched for: {NOT_VOUCHED_FOR}")


def _is_as_saved(claim: Claim, folder: Path) -> bool:
    """Whether params.npz has the very bytes that `save_params` writes here."""
    with tempfile.TemporaryDirectory() as scratch:
        again = Path(scratch) / "params.npz"
        jaxmlp.save_params(again, claim.params)
        return again.read_bytes() == (folder / "params.npz").read_bytes()


def say(console: Console, text: str) -> None:
    """Prints one line, whatever characters are in the text."""
    console.print(one_line(text), markup=False, soft_wrap=True)


if __name__ == "__main__":
    endings.start(main)
