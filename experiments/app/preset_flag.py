"""What --preset says on this command line: which of its settings hold, and what is said of them."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from absl import flags

from experiments.app.fields import SWEEP, SWEEP_OUTPUT
from experiments.app.presets import PRESETS, as_flags
from experiments.app.recipes import OWN
from experiments.app.settings import names_of

__all__ = ["blamed", "holding", "is_many", "is_of_many", "refuse_seed", "said"]

NAMED = r"--{0}\b|\b{0}(?=[:=]| needs)"  # a setting, as it stands in a message


def holding() -> dict[str, Any]:
    """The settings that the preset decides: those that no flag says otherwise; {} of none.

    A number of a schedule or an optimizer goes with it, where a flag has another that takes none.
    """
    return {
        name: value
        for name, value in _all().items()
        if not _is_given(name) and not _is_anothers(name)
    }


def is_of_many() -> bool:
    """Whether the preset is one of many networks, which `experiments.sweep` trains."""
    return is_many(_name())


def is_many(name: Any) -> bool:
    """The same of any preset, by its name; no for what is none."""
    settings = PRESETS.get(name, {}) if isinstance(name, str) else {}
    return not settings.keys().isdisjoint(names_of(SWEEP, SWEEP_OUTPUT))


def refuse_seed() -> None:
    """Raises ValueError for one seed where the preset is of many."""
    if _is_given("seed"):
        instead = f"experiments.sweep --preset={_name()} --seeds={_given('seed')}"
        raise ValueError(f"expected {instead}, got --seed={_given('seed')}")


def said() -> str:
    """What the preset sets here, and what is set in its place, in a line; "" without one."""
    preset = _name()
    if preset is None:
        return ""
    swept = {text.partition("=")[0]: text for text in _swept()}
    held = {name: value for name, value in holding().items() if name not in swept}
    parts = [as_flags(held)] if held else []
    others = {name: _given(name) for name in _all() if _is_given(name)}
    instead = [as_flags(others)] if others else []
    instead += [f"--sweep={text}" for name, text in swept.items() if name in _all()]
    parts += [f"overridden: {' '.join(instead)}"] if instead else []
    return f"preset {preset}: {', '.join(parts)}"


@contextlib.contextmanager
def blamed() -> Iterator[None]:
    """Has a mistake that is about settings of the preset say that they are the preset's."""
    try:
        yield
    except ValueError as error:
        swept = {text.partition("=")[0] for text in _swept()}
        guilty = {
            name: value
            for name, value in holding().items()
            if name not in swept and re.search(NAMED.format(name), str(error))
        }
        if not guilty or hasattr(error, "exit_code"):
            raise
        verb = "is" if len(guilty) == 1 else "are"
        raise ValueError(f"{error}; {as_flags(guilty)} {verb} of --preset={_name()}") from error


def _name() -> str | None:
    flag = flags.FLAGS["preset"]
    return None if flag.value is None else str(flag.value)


def _all() -> dict[str, Any]:
    preset = _name()
    return {} if preset is None else PRESETS[preset]


def _is_given(name: str) -> bool:
    return name in flags.FLAGS and bool(flags.FLAGS[name].present)


def _is_anothers(name: str) -> bool:
    """Whether a setting is of a schedule or an optimizer that a flag has put another for.

    Of several that are swept it is not, where all of them take it.
    """
    whose, takers = OWN.get(name, ("", ()))
    for text in _swept():
        swept, _, values = text.partition("=")
        if swept == whose:
            return not {each.strip() for each in values.split(",")} <= {*takers}
    return bool(whose) and _is_given(whose) and _given(whose) not in takers


def _given(name: str) -> Any:
    return flags.FLAGS[name].value


def _swept() -> list[str]:
    return list(_given("sweep")) if _is_given("sweep") else []
