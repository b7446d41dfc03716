"""Ends of this process, simulated at any change of a folder."""

import contextlib
import os
import sys


class Killed(BaseException):
    """Nothing catches it, so that nothing is done after it, as if the process had ended."""


_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.link"}
_watch = None  # what is called at an event while somebody is looking


def _hook(event, arguments):
    if _watch is not None and (event == "open" or event in _CHANGES):
        _watch(event, arguments)


sys.addaudithook(_hook)  # for good


@contextlib.contextmanager
def watching(function):
    """Calls a function before each system call that changes a file: (path) -> None."""
    global _watch

    def watch(event, arguments):
        if event != "open" or arguments[2] & _WRITES:
            function(os.fsdecode(arguments[0]) if not isinstance(arguments[0], int) else "")

    _watch = watch
    try:
        yield
    finally:
        _watch = None


@contextlib.contextmanager
def killed_at(number, folder):
    """Ends what is done here before the change of a folder with a number, if it comes to that.

    Yields:
      The changes that there were.
    """
    done = []

    def count(path):
        is_inside = not os.path.isabs(path) or path.startswith(os.fspath(folder))
        if is_inside:
            if len(done) >= number:
                raise Killed
            done.append(path)

    with contextlib.suppress(Killed), watching(count):
        yield done
