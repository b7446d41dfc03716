"""Ctrl-C and SIGTERM as requests that a run looks at between blocks of steps."""

import signal
from types import FrameType

from jaxmlp import processes


class StopRequest:
    """A context in which the first SIGINT or SIGTERM is noted, and a second SIGINT interrupts."""

    def __init__(self) -> None:
        self.signal: int | None = None  # the first that came

    def __enter__(self) -> "StopRequest":
        self._before = {
            number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.signal is None:
            self.signal = number
        elif number == signal.SIGINT:
            raise KeyboardInterrupt

    def agree(self) -> None:
        """Takes over what came to another process, where several are at work on the same."""
        self.signal = max(processes.everyones(self.signal or 0)) or None

    @property
    def exit_code(self) -> int:
        """By the shell's convention: 130 after SIGINT, 143 after SIGTERM."""
        return 128 + (self.signal or 0)
