"""Counts what XLA compiles, on whichever thread."""

import contextlib

import jax


@contextlib.contextmanager
def counted():
    """Yields a list with an item for each program that has been compiled."""
    seen = []

    def listen(event, duration, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            seen.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield seen
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
