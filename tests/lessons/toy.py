"""A lesson that takes no time."""

from typing import Literal

from matplotlib.figure import Figure

from experiments.data.sources import NotAvailable
from experiments.lessons.lesson import Claim, Outcome, Table


def teach(
    seeds: int = 3,
    rate: float = 0.5,
    widths: tuple[int, ...] = (1, 2),
    rates: tuple[float, ...] = (0.1, 0.2),
    kind: Literal["a", "b"] = "a",
    data: str = "here",
    loud: bool = False,
) -> Outcome:
    """Counts.

    Args:
      seeds: how many to count.
      rate: how fast,
        on two lines.
      widths: of what.
      rates: how fast each.
      kind: which.
      data: where.
      loud: how.
    """
    if data == "elsewhere":
        raise NotAvailable("the data are not here")
    if seeds == 1:
        raise ValueError("seeds needs at least 2, got 1")
    figures = {"all": [seeds, rate, widths, rates, kind, loud], "none": float("nan")}
    claims = [Claim(f"{seeds} [seeds] are few", seeds < 10), Claim("a", kind == "a")]
    return Outcome(claims, figures, {"count": Table(["kind", "n"], [[kind, seeds]])}, Figure())
