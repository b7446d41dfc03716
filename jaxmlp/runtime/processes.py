"""Several processes that train together, by JAX's own runtime: joining, agreeing, ending."""

import platform

import jax

from jaxmlp.runtime import coordination, joining, losing, receipt
from jaxmlp.runtime.agreeing import (
    DAY,
    any_of,
    await_others,
    everyones,
    from_first,
    is_first,
    largest,
    meet,
    same,
    spans_processes,
    told,
)
from jaxmlp.runtime.losing import (
    LOST,
    ProcessAbsentError,
    ProcessLostError,
    abandon,
    are_joined,
    noticing_losses,
)

__all__ = [
    "LOST",
    "ProcessAbsentError",
    "ProcessLostError",
    "abandon",
    "any_of",
    "are_joined",
    "await_others",
    "everyones",
    "from_first",
    "is_first",
    "join",
    "largest",
    "leave",
    "noticing_losses",
    "same",
    "spans_processes",
    "told",
]

PATIENCE = 60  # seconds in which all processes need to come
SILENCE = 15  # seconds without a sign of life, after which a process counts as lost


def join(
    coordinator_address: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    *,
    seconds: int = PATIENCE,
) -> None:
    """Makes this process one of several whose devices train together.

    Comes before anything that JAX computes. From then on the end of one process, whatever its
    reason, is the end of all: the others say so in a line and end with exit code 75, within 20
    seconds. On CPUs the processes talk by gloo.

    Args:
      coordinator_address: where process 0 is reached by the others, "10.0.0.1:1234"; the port is
        to be free.
      num_processes: how many there are.
      process_id: which one this is, from 0.
      seconds: after which there is an error if not all have come.
      What is left out is for JAX to detect, on Slurm, Kubernetes, Cloud TPU and by Open MPI.

    Raises:
      ValueError: if an argument is no such, two processes have one number, or versions or the
        number of processes are not the same everywhere.
      OSError: if the port is taken; `ProcessAbsentError` if nobody is there, or a process does not
        come.
    """
    if are_joined():
        raise ValueError("join needs to be called once, got a second call")
    joining.check(coordinator_address, num_processes, process_id, seconds)
    if coordinator_address is not None and process_id:
        joining.await_coordinator(coordinator_address, seconds)
    if jax.config.jax_cpu_collectives_implementation != "mpi":  # type: ignore[attr-defined]
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
    # What SIGTERM does is for the program to say.
    jax.config.update("jax_enable_preemption_service", False)
    with coordination.reporting(seconds, losing.report_loss):
        try:
            jax.distributed.initialize(
                coordinator_address,
                num_processes,
                process_id,
                initialization_timeout=seconds,
                heartbeat_timeout_seconds=SILENCE,
            )
        except Exception as error:
            given = coordinator_address, num_processes, process_id
            raise joining.worded(error, *given, seconds) from error
    losing.watch()
    here = {"python": platform.python_version(), **receipt.versions()}
    same({"num_processes": num_processes, "versions": here}, seconds=seconds)


def leave() -> None:
    """Waits for the others, which may still have something to write, and parts from them.

    What all processes call at their end, if it was not an error that only one may have come to:
    after that a process that exits ends no other.

    >>> leave()
    """
    if are_joined():
        meet("jaxmlp/leave", DAY)
        losing.unwatch()
        jax.distributed.shutdown()
