"""Makes the page of a run, or of a sweep, again from its folder.

    python -m experiments.report runs/mnist-2026-11-20-120000

Writes report.html into the folder, or where --page says: for a folder from before there were pages,
for one whose program ran with --noreport, or in the looks of today. Reads the data where
`experiments.verify` does.
"""

import functools
from pathlib import Path

from absl import flags
from rich.console import Console

from experiments import verify
from experiments.app import devices, endings, startup
from experiments.app.command_line import define_path, refuse_unwritable
from experiments.folder import records
from experiments.folder.workdir import user_path
from experiments.report import folder, run

FLAGS = flags.FLAGS
flags.adopt_module_key_flags(startup)
flags.adopt_module_key_flags(verify)
define_path("page", None, "File for the page; by default report.html in the folder.")


def main(argv: list[str]) -> None:
    """Reads, draws and writes."""
    with endings.clear_errors():
        if len(argv) != 2:
            raise ValueError(
                f"expected one folder of a run or a sweep, got {' '.join(argv[1:]) or 'nothing'}"
            )
        place = user_path(argv[1])
        config = records.read_config(place / "config.json")
        path = place_for_page(place)
        is_sweep = "sweep" in config
        alone = devices.of_member(config) if is_sweep else config
        on_these = {"mesh": devices.needed(alone), "mode": alone["mode"]}
        startup.wake(config["threads"], config["deterministic"], **on_these)
        load = functools.partial(verify.load, Console(highlight=False))
        if is_sweep:
            from experiments.report import sweep  # with what draws

            sweep.write(folder.read_sweep(place, config, load), path)
        else:
            run.write(folder.read_run(place, load, verify.make_job), path)
    print(f"page in {path}")


def place_for_page(place: Path) -> Path:
    """Where the page goes.

    Raises:
      ValueError: if that is no page's name, or cannot be written.
    """
    path = user_path(FLAGS.page) if FLAGS.page else place / run.NAME
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--page needs a file that ends in .html, got {path}")
    refuse_unwritable(path, "--page")
    return path


if __name__ == "__main__":
    endings.start(main)
