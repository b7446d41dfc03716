"""JAX's coordination service, where its public names do not say why it ends a process."""

import contextlib
import ctypes
import functools
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import jax

__all__ = ["client", "meet", "numbers", "reason", "reporting", "says_who"]


def client() -> Any:
    """The process's connection, by which processes leave each other words; None without one."""
    from jax._src import distributed  # which has no public name

    return distributed.global_state.client


def numbers() -> tuple[int, int]:
    """Which process this is, and of how many: (0, 1) without others; nothing of JAX starts by it.

    >>> numbers()
    (0, 1)
    """
    from jax._src import distributed

    return distributed.global_state.process_id or 0, distributed.global_state.num_processes or 1


@contextlib.contextmanager
def reporting(seconds: int, lost: Callable[[], None]) -> Iterator[None]:
    """A context in which `jax.distributed.initialize` makes a connection that reports its end.

    By itself JAX prints a stack of C++ and aborts the process, whether the others do not come or
    one of them is lost later. Versions of JAX that cannot be told otherwise do so here too.

    Args:
      seconds: after which process 0 names those that have not come, to all that have.
      lost: called, on a thread of JAX's, when the others cannot be reached any more, or one of them
        has ended; it ends the process.
    """
    from jax._src import distributed

    made: Any = getattr(distributed, "_jax", None)
    names = "get_distributed_runtime_client", "get_distributed_runtime_service"
    makers = [getattr(made, name, None) for name in names]
    options: tuple[dict[str, Any], ...]
    options = {"missed_heartbeat_callback": _told(lost)}, {"cluster_register_timeout": seconds}
    if None in makers:
        yield
        return
    for name, maker, more in zip(names, makers, options, strict=True):
        setattr(made, name, functools.partial(_make, maker, more))
    try:
        yield
    finally:
        for name, maker in zip(names, makers, strict=True):
            setattr(made, name, maker)


def _make(maker: Any, more: dict[str, Any], *arguments: Any, **options: Any) -> Any:
    try:
        return maker(*arguments, **options, **more)
    except TypeError:  # a version that has no such option
        return maker(*arguments, **options)


def _told(lost: Callable[[], None]) -> Callable[..., None]:
    """What JAX's client is to call.

    Up to jaxlib 0.10 it cannot hand a status over to Python, and throws where it would; nothing
    catches that on a thread of its own, so it ends in the handler for such.
    """
    global _kept
    _kept = ctypes.CFUNCTYPE(None)(lost)
    with contextlib.suppress(OSError, AttributeError):  # another library of C++
        ctypes.CDLL("libstdc++.so.6")._ZSt13set_terminatePFvvE(_kept)
    return lambda *_: lost()


_kept: Any = None  # for as long as it may be called


def reason() -> str:
    """Why there is no connection: the status in which `jax.distributed.initialize` has failed.

    The connection, or what there is of one, is shut down.
    """
    from jax._src import distributed

    said = ""
    try:
        with _quiet():
            if client() is not None:
                client().shutdown()
    except Exception as error:
        said = str(error)
    distributed.global_state.client = None
    jax.distributed.shutdown()  # what may listen here
    return said.partition("Agent status:")[2] or said


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps off the screen what JAX's C++ says besides raising it."""
    sys.stderr.flush()
    screen, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(screen, 2)
        os.close(screen)
        os.close(nowhere)


def says_who(said: str) -> list[int]:
    r"""The processes that a status names as those who did not come.

    >>> says_who("Some timed out task names:\n2\n5\n\nRPC: ...")
    [2, 5]
    """
    found = re.search(r"timed out task names:\n((?:\S+\n)+)", said)
    return sorted({int(name) for name in re.findall(r"(\d+)\n", found[1])}) if found else []


def meet(name: str, seconds: float) -> None:
    """Waits until all processes have come to a place of this name, each place once.

    JAX waits on a thread of its own, so that Ctrl-C is heeded meanwhile.

    Raises:
      jax.errors.JaxRuntimeError: if one does not come.
    """
    met, connection = Future[None](), client()

    def wait() -> None:
        try:
            connection.wait_at_barrier(name, int(1000 * seconds))
            met.set_result(None)
        except Exception as error:
            met.set_exception(error)

    threading.Thread(target=wait, name=f"meet {name}", daemon=True).start()
    met.result()
