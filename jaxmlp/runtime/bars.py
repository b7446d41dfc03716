"""A bar for training, by tqdm, where it is asked for."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["moving"]

Hook = Callable[[Any], bool | None]


@contextlib.contextmanager
def moving(
    is_wanted: bool,
    total: int,
    unit: str,
    position: Callable[[Any], tuple[float, Mapping[str, Any]]],
    *hooks: Hook | None,
) -> Iterator[tuple[Hook | None, ...]]:
    """Hooks that move a bar, besides what they do; it is there from the start to the end.

    Args:
      is_wanted: whether there is to be a bar; else the hooks stay as they are.
      total: its length.
      unit: what it counts.
      position: what a hook is called with -> how far that is, and figures to stand beside the bar.
      hooks: the caller's, or None.

    Raises:
      ImportError: without the package tqdm, in one line.
    """
    if not is_wanted:
        yield hooks
        return
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError(
            "progress=True needs the package tqdm, got none: pip install tqdm"
        ) from error

    with tqdm(total=total, unit=unit) as bar:

        def with_bar(hook: Hook | None) -> Hook:
            def called(at: Any) -> bool | None:
                bar.n, figures = position(at)
                bar.set_postfix(figures)  # which draws the bar
                return hook(at) if hook else None

            return called

        yield tuple(map(with_bar, hooks))
