"""Every program once, as a user runs it: does it end well, and are the bits those it promises?"""

import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.speed.gpu import children
from experiments.speed.gpu.cases import Scale

# Nothing that was compiled before is used: two processes are to come to the same programs.
ANEW = ["--nocompilation_cache"]
SMALL = ["--dataset=digits", "--hidden_sizes=32", "--noplots", "--deterministic", *ANEW]
LINES = 3  # epochs after which a run is killed: it has a checkpoint then
LESSON = "lessons.descent"


def check(scale: Scale, tell: Callable[[str], object], folder: Path) -> list[dict[str, Any]]:
    """Runs all of them, one after another.

    Args:
      scale: how long.
      tell: called with what is being done.
      folder: an empty one.

    Returns:
      A row for each: "what" it was, "promise" that it is about, "" for none; "held"; "detail" where
      it did not; and "seconds".
    """
    rows: list[dict[str, Any]] = []

    def step(what: str, promise: str, module: str, *arguments: object, **more: Any) -> None:
        tell(what)
        done = children.run(module, arguments, **more)
        killed = "kill_when" in more
        held = done.code == (-9 if killed else 0)
        detail = "" if held else children.reason(done)
        if killed and done.code == 0:
            detail = "it ended before it could be killed"
        rows.append(
            {"what": what, "promise": promise, "held": held, "detail": detail}
            | {"seconds": done.seconds}
        )

    run, cut, sweep = (folder / name for name in ("run", "cut", "sweep"))
    train = [*SMALL, f"--num_epochs={scale.smoke_epochs}"]
    pictures = folder / "pictures.npz"
    np.savez(pictures, x=np.random.default_rng(0).integers(0, 256, (4, 64), np.uint8))
    step("mnist trains", "", "mnist", *train, f"--workdir={run}")
    step("verify: a process that compiles anew", "G1", "verify", run, *ANEW)
    step("predict", "", "predict", run, pictures, f"--picture={folder / 'guesses.png'}")
    saving = [*train, "--checkpoint_every=1epoch", f"--workdir={cut}"]
    lines = cut / "metrics.jsonl"
    kill_when = functools.partial(children.has_lines, lines, LINES)
    step("mnist is killed", "", "mnist", *saving, kill_when=kill_when)
    step("mnist goes on", "", "mnist", *saving, "--resume")
    rows.append(same_end(run, cut))
    many = [*SMALL, "--num_epochs=2", "--seeds=0:3", "--mode=exact", f"--workdir={sweep}"]
    step("sweep, in exact mode", "", "sweep", *many)
    step("replay: a member alone", "G2", "replay", sweep, "--member=seed=2", *ANEW)
    step("a lesson", "", LESSON, f"--workdir={folder / 'lesson'}", "--deterministic", *ANEW)
    shutil.rmtree(folder / "lesson", ignore_errors=True)
    return rows


def same_end(run: Path, cut: Path) -> dict[str, Any]:
    """Whether a run that was killed and went on ended as one that was not."""
    ends: list[list[str]] = []
    for folder in (run, cut):
        try:
            receipt = json.loads((folder / "receipt.json").read_text())
            ends.append(receipt["params_sha256"])
        except (OSError, ValueError, KeyError):
            ends.append([])
    held = ends[0] == ends[1] != []
    what = "killed and gone on: the bits after every epoch"
    return {"what": what, "promise": "G3", "held": held, "seconds": 0.0} | {
        "detail": "" if held else "other digests, or none"
    }
