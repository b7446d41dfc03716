"""What makes a network differ from a plain one of its widths, in words."""

import jaxmlp

__all__ = ["traits", "with_what"]


def traits(model: jaxmlp.Model) -> dict[str, str]:
    """Each by the setting that it is of.

    Args:
      model: with or without a description.

    >>> traits(jaxmlp.mlp((4, 8, 3), norm="batch", dropout=0.5))
    {'norm': 'batch norm', 'dropout': 'dropout 0.5'}
    """
    found = {}
    made = model.architecture
    if norm := getattr(made, "norm", None):
        found["norm"] = f"{norm} norm"
    for name in ("dropout", "input_dropout", "input_noise", "noise", "ladder"):
        if rate := getattr(made, name, None):
            found[name] = f"{name.replace('_', ' ')} {rate:g}"
    if (precision := getattr(made, "precision", "float32")) != "float32":
        found["precision"] = f"products in {precision}"
    return found


def with_what(model: jaxmlp.Model) -> str:
    """With what figures of training come about, and others do not; nothing of a plain network.

    Args:
      model: with or without a description.

    >>> with_what(jaxmlp.mlp((4, 8, 3), norm="batch", dropout=0.5, input_noise=0.1))
    "dropout, noise and each batch's statistics"
    """
    found = traits(model)
    parts = ["dropout"] * bool({"dropout", "input_dropout"} & {*found})
    parts += ["noise"] * bool({"input_noise", "noise"} & {*found})
    parts += ["each batch's statistics"] * (found.get("norm") == "batch norm")
    *others, last = parts or [""]
    return f"{', '.join(others)} and {last}" if others else last
