"""What the processes that train one network have to agree on: how long a block is, when to stop."""

from jaxmlp.runtime import processes
from jaxmlp.training.parallel import Parallel

__all__ = ["agreed"]


def agreed(parallel: Parallel | None, seconds: float, wants_to_stop: object) -> tuple[float, bool]:
    """What all processes go by: the time of the slowest, and whether any of them wants to stop.

    Args:
      parallel: the devices; where they are of one process there is nothing to agree on.
      seconds: that this process took.
      wants_to_stop: whether this one does.

    >>> agreed(None, 0.25, None)
    (0.25, False)
    """
    if parallel is None or not processes.spans_processes(parallel.mesh):
        return seconds, bool(wants_to_stop)
    slowest, wanted = processes.largest([seconds, bool(wants_to_stop)], parallel.mesh).tolist()
    return slowest, bool(wanted)
