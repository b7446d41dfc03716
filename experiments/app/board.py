"""TensorBoard's file, as far as the disk has room for it."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def package() -> Any:
    """The package that writes TensorBoard's files.

    Raises:
      ValueError: if it is not installed.
    """
    try:
        import tensorboardX
    except ImportError as error:
        raise ValueError(
            "--tensorboard needs the package tensorboardX, got none: install jaxmlp[tensorboard]"
        ) from error
    return tensorboardX


class Board:
    """A curve for each metric; an epoch that the disk cannot hold now, it gets when it can.

    Written from this thread: the package's own thread dies at a full disk, and training then waits
    for it without end.

    Args:
      folder: where to; it is made with the first epoch.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None
        self._waiting: list[tuple[int, float, Mapping[str, float]]] = []

    def append(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Takes an epoch's metrics, to be written by `flush`."""
        self._waiting.append((epoch, time.time(), metrics))

    def flush(self) -> None:
        """Writes what waits.

        Raises:
          OSError: if it cannot be written.
        """
        if self._writer is None:
            self._folder.mkdir(exist_ok=True)
            writers = package().event_file_writer
            self._writer = writers.EventsWriter(str(self._folder / "events"))
        self._writer.flush()  # the file holds back what it was given before, if there was no room
        while self._waiting:
            self._write(*self._waiting.pop(0))
            self._writer.flush()

    def _write(self, epoch: int, wall_time: float, metrics: Mapping[str, float]) -> None:
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.summary import scalar

        for name, value in metrics.items():
            summary = scalar(name, value)
            self._writer.write_event(Event(wall_time=wall_time, step=epoch, summary=summary))

    def close(self) -> None:
        """Ends the file; raises as `flush` does."""
        if self._writer is not None:
            self._writer.close()
