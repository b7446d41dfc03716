"""What was found on a GPU, as tables in Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from experiments.speed.gpu.cases import FULL, cases
from experiments.speed.gpu.expectation import H100, rate

NONE = "–"
POPULATION = (
    *("network", "precision", "members", "networks x epochs / s", "expected of an H100"),
    *("share of products", "share of memory", "planned", "used"),
)
HELD = {True: "yes", False: "NO"}


def markdown(figures: Mapping[str, Any], machine: Mapping[str, Any]) -> str:
    """The tables.

    Args:
      figures: from `measure.measure`.
      machine: from `environment.describe`.
    """
    return "\n".join([*head(figures, machine), *body(figures), ""])


def head(figures: Mapping[str, Any], machine: Mapping[str, Any]) -> Iterator[str]:
    """What it was measured on."""
    versions = ", ".join(f"{name} {v}" for name, v in machine["versions"].items() if v)
    if figures["rehearsal"]:
        yield "**A REHEARSAL, in small: no figure here is a GPU's, and none means anything.**\n"
    yield f"{figures['device']['kind']}, {figures['date']}; {versions}.\n"
    if limits := figures["limits"]:
        flops = ", ".join(f"{name} {f / 1e12:.3g}" for name, f in limits["flops"].items())
        yield (
            f"Its limits, measured: products of large matrices in TFLOP/s: {flops}; memory "
            f"{limits['bandwidth'] / 1e12:.3g} TB/s; a step of a loop that does nothing "
            f"{limits['step_seconds'] * 1e6:.3g} µs.\n"
        )
    if figures["skipped"]:
        yield f"Left out, for lack of time: {'; '.join(figures['skipped'])}.\n"


def body(figures: Mapping[str, Any]) -> Iterator[str]:
    """What was found."""
    yield from table(POPULATION, map(population, in_order(figures["population"])))
    rows = (
        (row["what"], f"`{row['flags']}`" if row["flags"] else "", epoch(row))
        for row in alone(figures)
    )
    yield from table(("one network alone", "XLA_FLAGS", "seconds an epoch"), rows)
    if until := figures["until"]:
        reached = NONE if until["seconds"] is None else f"{until['seconds']:.2f} s"
        yield (
            f"To {100 * until['target']:g} % of {until['data']}: {reached} of training, after "
            f"{until['compile_seconds']:.1f} s of compiling; epochs: "
            f"{len(until['accuracies'])}, the best {100 * max(until['accuracies']):.2f} %.\n"
        )
    checks = [*figures["programs"], *figures["promises"]]
    found = (
        (
            row["promise"],
            row["what"],
            row.get("process", ""),
            HELD[row["held"]] + (f": {row['detail']}" if row["detail"] else ""),
        )
        for row in checks
    )
    yield from table(("promise", "what", "process", "held"), found)
    if digests := figures["digests"]:
        yield from table(("process", "digest of a training"), digests.items())


def alone(figures: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """One network, by this library and by others; an ensemble's seconds are of one of its."""
    yield from figures["alone"]
    for row in figures["peers"]:
        count = row["num_networks"]
        what = row["what"] + (f", {count} at once, each" if count > 1 else "")
        seconds = row["network_epoch_seconds"]
        failed = row["failed"] or (f"not installed: {row['absent'][0]}" if row["absent"] else None)
        yield {"what": what, "flags": "", "epoch_seconds": seconds, "failed": failed}


def epoch(row: Mapping[str, Any]) -> str:
    """Its seconds, or why there are none."""
    return row["failed"] or f"{row['epoch_seconds']:.3g}"


def population(row: Mapping[str, Any]) -> list[str]:
    """A line of the table; empty where nothing was measured."""
    sizes = "-".join(map(str, row["sizes"]))
    first = [sizes, row["precision"], f"{row['members']:,}"]
    expected = f"{row['expected']:,.0f}" if row["expected"] else NONE
    if row["failed"]:
        return [*first, row["failed"], expected, "", "", "", ""]
    if "network_epochs_per_second" not in row:
        return [*first, "", expected, "", "", "", ""]
    used = row["used_bytes"]
    return [
        *first,
        f"{row['network_epochs_per_second']:.3g}",
        expected,
        f"{100 * row['share_of_flops']:.0f} %",
        f"{100 * row['share_of_bandwidth']:.0f} %",
        gib(row["planned_bytes"]),
        NONE if used is None else gib(used),
    ]


def gib(count: int) -> str:
    """Bytes for the reader."""
    return f"{count / 2**30:.3g} GiB"


def table(names: Sequence[str], rows: Any) -> Iterator[str]:
    """A table in Markdown, and an empty line; nothing without rows.

    >>> list(table(("a", "b"), [(1, "x|y")]))
    ['| a | b |', '|---|---|', '| 1 | x/y |', '']
    """
    lines = [[str(cell).replace("|", "/") for cell in row] for row in rows]
    if lines:
        for line in (list(names), ["---"] * len(names), *lines):
            marks = "|".join(line) if line[0] == "---" else " | ".join(line)
            yield f"|{marks}|" if line[0] == "---" else f"| {marks} |"
        yield ""


def in_order(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Populations by network, precision and members, each in the order of its first."""
    orders = {name: [row[name] for row in rows] for name in ("sizes", "precision")}
    places = {name: list(map(values.index, values)) for name, values in orders.items()}
    keys = zip(*places.values(), (row["members"] for row in rows), strict=True)
    return [row for _, row in sorted(zip(keys, rows, strict=True), key=lambda pair: pair[0])]


def empty() -> Iterator[str]:
    """The populations' table as it is before anybody has measured them."""
    rows = [
        {**case._asdict(), "failed": None, "expected": rate(H100, *case)} for case in cases(FULL)
    ]
    yield from table(POPULATION, map(population, in_order(rows)))
