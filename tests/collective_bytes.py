"""What a compiled program sends between devices, read from its text."""

import math
import re
from typing import NamedTuple

__all__ = ["Collective", "collectives"]

KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")
WIDTHS = {"pred": 1, "bf16": 2}  # bytes; of the others the digits are the bits
OPERATION = re.compile(rf"= (\(?.*?\)?) ({'|'.join(KINDS)})(-start)?\(")


class Collective(NamedTuple):
    """One exchange between devices."""

    kind: str  # one of KINDS
    size: int  # bytes of the result, on each device
    devices: int  # that exchange with each other

    @property
    def sent(self) -> float:
        """The bytes that each device sends, if they stand in a ring.

        Source: Thakur, Rabenseifner and Gropp, Optimization of Collective Communication Operations
        in MPICH, 2005.

        >>> Collective("all-reduce", 1000, 4).sent, Collective("all-gather", 1000, 4).sent
        (1500.0, 750.0)
        """
        share = (self.devices - 1) / self.devices
        factor = {"all-reduce": 2 * share, "reduce-scatter": self.devices - 1}
        return self.size * (1.0 if self.kind == KINDS[-1] else factor.get(self.kind, share))


def collectives(text: str) -> list[Collective]:
    """The exchanges in a compiled program, each once, however often a loop does it.

    Args:
      text: as `compiled.as_text()` has it.

    >>> line = "%all-reduce.1 = f32[8,4]{1,0} all-reduce(%x), replica_groups={{0,1},{2,3}}, to=%add"
    >>> collectives(line)
    [Collective(kind='all-reduce', size=128, devices=2)]
    """
    found = []
    for line in text.splitlines():
        if match := OPERATION.search(line):
            shapes = re.findall(r"(pred|bf16|[a-z]+(\d+))\[([\d,]*)\]", match[1])
            sizes = [
                math.prod(map(int, filter(None, shape.split(","))))
                * (WIDTHS[name] if name in WIDTHS else int(bits) // 8)
                for name, bits, shape in shapes
            ]
            found.append(Collective(match[2], sum(sizes), _group(line)))
    return found


def _group(line: str) -> int:
    """How many devices exchange with each other."""
    if match := re.search(r"replica_groups=\{\{([\d,]+)\}", line):
        return len(match[1].split(","))
    if match := re.search(r"replica_groups=\[\d+,(\d+)\]", line):
        return int(match[1])
    if match := re.search(r"replica_groups=mesh\[(.*?)\]\s*\{(.*?)\}", line):
        sizes = dict(re.findall(r"'(\w+)'=(\d+)", match[1]))
        return math.prod(int(sizes[name]) for name in re.findall(r"'(\w+)'", match[2]))
    raise ValueError(f"a collective needs replica_groups of a known form, got {line.strip()[:300]}")
