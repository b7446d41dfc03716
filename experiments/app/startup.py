"""What happens before the work: programs are compiled, or read where an earlier start left them."""

import contextlib
import importlib
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax
from absl import flags
from rich.console import Console
from rich.progress import MofNCompleteColumn, TextColumn, TimeElapsedColumn

import jaxmlp
from experiments.app import determinism, devices, progress

FLAGS = flags.FLAGS
flags.DEFINE_bool(
    "compilation_cache",
    True,
    "Keep compiled programs on the disk for the next start, in $XDG_CACHE_HOME/jaxmlp, else "
    "~/.cache/jaxmlp. Results are the same to the bit. Where $JAX_COMPILATION_CACHE_DIR is set, "
    "JAX keeps them there in its own way.",
)


def wake(num_threads: int | None, deterministic: bool = False, **mesh: Any) -> None:
    """Starts JAX.

    Args:
      num_threads: for a CPU's work, None for one a core; see `environment.use_threads`.
      deterministic: whether a GPU is to take the same kernels each time; see `determinism.use`.
      mesh: what else `devices.prepare` takes; by default a CPU is one device.
    """
    if deterministic:
        determinism.use()
    devices.prepare(num_threads, **mesh)
    cache_compilations()


def cache_compilations() -> None:
    """Keeps compiled programs for the next start, unless the flag says no; JAX must have started.

    Where that cannot be, a warning says so, and programs are compiled as ever.
    """
    if not FLAGS.compilation_cache:
        jax.config.update("jax_enable_compilation_cache", False)
        return
    try:
        jaxmlp.cache_compilations()
    except (OSError, RuntimeError, ValueError) as error:  # without a home there is a RuntimeError
        warnings.warn(f"no compilation cache: {error}", stacklevel=2)


def import_meanwhile(module: str) -> None:
    """Imports what will be needed later on a thread beside the work, which waits for devices.

    No daemon: one that is importing when the process ends would abort it.
    """

    def load() -> None:
        with contextlib.suppress(Exception):  # whoever needs it will hear of it
            importlib.import_module(module)

    threading.Thread(target=load, name=f"import {module}").start()


@contextlib.contextmanager
def compiling(console: Console) -> Iterator[Callable[[int, int], None]]:
    """Shows that programs are being compiled, how many of them are, and for how long.

    Yields:
      What is to be told the number that is done, and that of all.
    """
    started, total = time.perf_counter(), 0
    columns = MofNCompleteColumn(), TextColumn("programs"), TimeElapsedColumn()
    bar = progress.bar(console, "compiling", *columns)
    task = bar.add_task("compiling", total=None)
    if not console.is_terminal:
        console.print("compiling")

    def on_compiled(done: int, count: int) -> None:
        nonlocal total
        total = count
        bar.update(task, completed=done, total=count)

    with bar:
        yield on_compiled
    seconds = time.perf_counter() - started
    console.print(f"compiled {total} programs in {seconds:.1f} s")
