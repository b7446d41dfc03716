"""Trains a network for every combination of swept values and seeds, as few programs on all cores.

    python -m experiments.sweep --seeds=0:8 --sweep=learning_rate=1e-4,1e-3,1e-2

Takes the flags of `experiments.mnist`, and each network gets the bits that it gets there with the
same values and seed. Leaves a table with intervals over the seeds, pictures, and the history of
all networks in runs.npz; `experiments.replay` trains any of them again alone.

--seed, --target and --tensorboard are for one network alone; --patience ends a network and keeps
its last parameters; --resume takes no other settings.

Exit codes: 0 when done; 1 for a mistake in the flags or the data, or when not all could be written;
130 and 143 when Ctrl-C or SIGTERM stopped it, which --resume can go on from. A network that
diverges ends, and the others go on. With --resume and --workdir one command serves from the first
moment on: it starts where there is nothing yet to go on with, and goes on where there is.
"""

import itertools
from typing import Any

from absl import flags

from experiments.app import (
    command_line,
    environment,
    options,
    points,
    runner,
    startup,
    sweep_runner,
)
from experiments.app.recorder import Clock
from experiments.app.sweep_runner import Job
from experiments.folder import workdir
from jaxmlp.runtime import receipt
from jaxmlp.training.recipe import split

FLAGS = flags.FLAGS
flags.adopt_module_key_flags(options)
flags.adopt_module_key_flags(startup)
flags.DEFINE_string("seeds", "0:8", "Seeds of the networks: 0:32, which leaves 32 out, or 1,2,5.")
flags.DEFINE_multi_string(
    "sweep",
    [],
    "A flag of experiments.mnist and its values, learning_rate=1e-4,1e-3 or "
    "hidden_sizes=64,256x64; may be given several times, for every combination.",
)
flags.DEFINE_enum(
    "mode",
    None,
    ["exact", "fast"],
    "Equal bits, or many networks side by side; by default exact on a CPU and fast elsewhere.",
)
flags.DEFINE_enum(
    "shuffle", "own", ["own", "shared"], "Whether each network has a data order of its own."
)
flags.DEFINE_string(
    "shuffle_seeds",
    None,
    "Seeds of the data order, as --seeds, to be crossed with those of the initial weights.",
)
command_line.define_whole(
    "halving",
    None,
    "After 1 epoch, and after this many times as long each time, go on with the best of this many "
    "settings, by the validation set's --stop_metric.",
    low=2,
)
flags.DEFINE_bool(
    "save_networks",
    False,
    "Write each network's parameters into networks/, by its --member; a name that is too long for "
    "a file is cut, and ends in a digest.",
)

OWN = ("seeds", "sweep", "mode", "shuffle", "shuffle_seeds", "halving")  # beside those of mnist
OUTPUTS = ("checkpoint_every", "plots", "save_networks")  # flags that decide no result


def main(argv: list[str]) -> None:
    """Trains by the flags."""
    clock = Clock()
    with runner.clear_errors():
        command_line.refuse_arguments(argv)
        refuse_flags()
        earlier = options.earlier_config()
        path = workdir.choose(FLAGS.workdir, "sweep", FLAGS.overwrite, earlier is not None)
        before = earlier and {**earlier, **earlier.get("given", {})}
        own = own_flags(before)
        axes = dict(points.parse_axis(text) for text in own["sweep"])
        if len(axes) < len(own["sweep"]):
            raise ValueError(f"--sweep needs each name once, got {' '.join(own['sweep'])}")
        seeds = points.parse_seeds(own["seeds"])
        orders = None if own["shuffle_seeds"] is None else points.parse_seeds(own["shuffle_seeds"])
        points.refuse_too_many(seeds, orders, *axes.values())
        environment.use_devices()
        environment.use_threads(options.threads(earlier))
        startup.cache_compilations()
        data, notice = options.load_data(earlier)
        given = options.given(before)
        config = options.complete(given, data) | {"given": given} | own
        if earlier is not None:
            refuse_changes(config, earlier)
        config["outputs"] = options.outputs(OUTPUTS, earlier)
        if config["halving"] and data.validation_inputs is None:
            raise ValueError("--halving needs a validation set: expected --validation_fraction=0.1")
        job = Job(
            data=data,
            config=config,
            seeds=seeds,
            axes=axes,
            shuffle_seeds=orders,
            path=path,
            notice=notice,
            is_named=FLAGS.workdir is not None,
            overwrite=FLAGS.overwrite,
            is_resumed=FLAGS.resume,
            earlier=earlier,
            accept_changes=FLAGS.accept_changes,
            checkpoint_every=options.interval(config["outputs"]["checkpoint_every"]),
            plots=config["outputs"]["plots"],
            save_networks=config["outputs"]["save_networks"],
        )
        refuse_twins(job)
    clock.charge("load")
    sweep_runner.run(job, clock)


def refuse_flags() -> None:
    """Raises ValueError for a flag of `experiments.mnist` that means nothing here."""
    if FLAGS["seed"].present:
        raise ValueError(f"expected --seeds={FLAGS.seed}, got --seed={FLAGS.seed}")
    for name, default in (("target", None), ("tensorboard", False)):
        if FLAGS[name].value != default:
            raise ValueError(f"--{name} is for one network alone: expected experiments.mnist")
    if FLAGS.on_fault == "skip":
        raise ValueError("--on_fault needs to be raise, which ends a network, or ignore, got skip")
    if FLAGS.checkpoint_every.unit == "step":
        raise ValueError("--checkpoint_every needs epochs or seconds here, got steps")


def refuse_twins(job: Job) -> None:
    """Raises ValueError if two settings are the same network, as a flag that does nothing makes."""
    found: dict[Any, dict[str, Any]] = {}
    for point in itertools.product(*job.axes.values()):
        setting = dict(zip(job.axes, point, strict=True))
        static, numbers = split(job.recipe(**setting))
        key = static, job.config["num_epochs"], *((n, float(v)) for n, v in numbers.items())
        key = *key, setting.get("num_epochs")
        if key in found:
            texts = " and ".join(map(points.as_text, (found[key], setting)))
            raise ValueError(
                f"--sweep needs settings that differ, got the same network for {texts}"
            )
        found[key] = setting


def own_flags(earlier: dict[str, Any] | None) -> dict[str, Any]:
    """The flags that are this program's; of those not given, the earlier sweep's.

    Raises:
      ValueError: if the earlier run is no sweep.
    """
    if earlier is not None and any(name not in earlier for name in OWN):
        raise ValueError("--resume needs a sweep's folder, got another run's")
    return {
        name: FLAGS[name].value if earlier is None or FLAGS[name].present else earlier[name]
        for name in OWN
    }


def refuse_changes(config: dict[str, Any], earlier: dict[str, Any]) -> None:
    """Raises ValueError if a sweep is to be resumed with other settings."""
    names = [name for name in config if name not in ("data_dir", "given")]
    changes = receipt.differences(
        {name: earlier.get(name) for name in names}, {name: config[name] for name in names}
    )
    if found := "; ".join(changes):
        raise ValueError(f"--resume needs the earlier sweep's settings; {found}")


if __name__ == "__main__":
    runner.start(main)
