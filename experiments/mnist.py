"""Trains a multilayer perceptron to read handwritten digits.

    python -m experiments.mnist --dataset=mnist

A network of 784-256-10 units with ReLU, He's initial weights and Adam reaches a test accuracy of
about 98 % in 10 epochs. Where MNIST is not to be had, the default `--dataset=auto` says so and
trains on scikit-learn's smaller digits instead.

One command serves from the first moment on: with --resume and --workdir it starts where there is
nothing yet to go on with, and goes on where there is.

Exit codes: 0 when done; 1 for a mistake in the flags or the data, or when not all could be written;
3 when training came to a number that is not finite, or ended worse than it began; 130 and 143 when
Ctrl-C or SIGTERM stopped it, which --resume can go on from.
"""

from absl import flags

from experiments.app import command_line, environment, options, recipes, runner, startup
from experiments.app.recorder import Clock, Job
from experiments.folder import workdir

FLAGS = flags.FLAGS
flags.adopt_module_key_flags(options)
flags.adopt_module_key_flags(startup)

OUTPUTS = ("checkpoint_every", "keep", "plots", "tensorboard")  # flags that decide no result


def main(argv: list[str]) -> None:
    """Trains by the flags."""
    clock = Clock()
    with runner.clear_errors():
        command_line.refuse_arguments(argv)
        earlier = options.earlier_config()
        if earlier is not None and "sweep" in earlier:
            raise ValueError("--resume needs a run's folder, got a sweep's: see experiments.sweep")
        path = workdir.choose(FLAGS.workdir, "mnist", FLAGS.overwrite, earlier is not None)
        environment.use_threads(options.threads(earlier))
        startup.cache_compilations()
        data, notice = options.load_data(earlier)
        config = options.config(data, earlier) | {"outputs": options.outputs(OUTPUTS, earlier)}
        recipe = recipes.recipe(config)
    clock.charge("load")
    job = Job(
        recipe=recipe,
        data=data,
        config=config,
        path=path,
        notice=notice,
        is_named=FLAGS.workdir is not None,
        overwrite=FLAGS.overwrite,
        is_resumed=FLAGS.resume,
        earlier=earlier,
        accept_changes=FLAGS.accept_changes,
        checkpoint_every=options.interval(config["outputs"]["checkpoint_every"]),
        keep=config["outputs"]["keep"],
        plots=config["outputs"]["plots"],
        tensorboard=config["outputs"]["tensorboard"],
    )
    runner.run(job, clock)


if __name__ == "__main__":
    runner.start(main)
