"""Settings that go together, under a name: what --preset sets."""

from collections.abc import Mapping
from typing import Any

__all__ = ["PRESETS", "as_flags", "help_text"]

# name -> setting -> its value, of the type that it has in `Settings`. A flag that is given holds in
# a preset's place; what is trained on is no part of one.
PRESETS: dict[str, dict[str, Any]] = {
    "quick": {
        "hidden_sizes": [192],
        "activation": "silu",
        "b1": 0.8,
        "b2": 0.95,
        "learning_rate": 0.015,
        "schedule": "warmup_linear",
        "warmup": 0.15,
        "label_smoothing": 0.05,
        "batch_size": 256,
        "num_epochs": 2,
    },
    "strong": {
        "hidden_sizes": [1200, 600, 300, 150],
        "norm": "batch",
        "input_noise": 0.3,
        "noise": 0.3,
        "ladder": 1000.0,
        "learning_rate": 2e-3,
        "schedule": "linear",
        "precision": "bfloat16",
        "batch_size": 128,
        "num_epochs": 60,
    },
    "ensemble": {"seeds": "0:16", "save_networks": True},
}


def as_flags(values: Mapping[str, Any]) -> str:
    """Settings as one types them.

    Args:
      values: setting -> value; the list of `sweep` is a flag for each.

    >>> as_flags({"hidden_sizes": [64, 32], "learning_rate": 1e-3, "plots": False})
    '--hidden_sizes=64,32 --learning_rate=0.001 --noplots'
    >>> as_flags({"sweep": ["l2=0,0.1", "norm=none,batch"], "save_networks": True})
    '--sweep=l2=0,0.1 --sweep=norm=none,batch --save_networks'
    """
    return " ".join(
        _as_flag(name, each)
        for name, value in values.items()
        for each in (value if name == "sweep" else [value])
    )


def _as_flag(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"--{'' if value else 'no'}{name}"
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"--{name}={text}"


def help_text() -> str:
    """What the help says of the presets, a line each."""
    each = [f"{name}: {as_flags(values)}" for name, values in PRESETS.items()]
    return "\n".join(["Settings that go together; a flag that is given holds in its place.", *each])
