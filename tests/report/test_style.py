"""Colours that can be read, in light and in dark, and be told apart without red and green."""

import re

import pytest

from experiments.report import page

STYLE = (page.TEMPLATES / "style.css").read_text()
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#\w{6});", block))
    for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
)
SCHEMES = [pytest.param(LIGHT, id="light"), pytest.param(LIGHT | DARK, id="dark")]
LINES = ["train", "validation", "test", *(f"c{i}" for i in range(8))]


def luminance(colour):
    """As WCAG 2 has it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_both_schemes_have_the_same_colours():
    assert LIGHT.keys() == DARK.keys()
    assert contrast("#ffffff", "#000000") == 21


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        *[
            (ink, ground)
            for ink in ("ink", "soft", "accent", "bad")
            for ground in ("page", "panel")
        ],
        ("warn-ink", "warn"),
        ("on-accent", "accent"),
    ],
)
def test_texts_can_be_read(scheme, ink, ground):
    assert contrast(scheme[ink], scheme[ground]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("line", [*LINES, "edge"])
def test_lines_can_be_seen(scheme, line):
    assert contrast(scheme[line], scheme["page"]) >= 3
    assert contrast(scheme[line], scheme["panel"]) >= 3


def seen_without_red_and_green(colour):
    """How a colour looks to a deuteranope; Viénot, Brettel and Mollon, 1999."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    yellow = 0.29275 * red + 0.70725 * green
    return yellow, -0.02234 * red + 0.02234 * green + blue


@pytest.mark.parametrize("scheme", SCHEMES)
def test_sets_are_told_apart_without_red_and_green(scheme):
    seen = [seen_without_red_and_green(scheme[name]) for name in ("train", "validation", "test")]
    for i, one in enumerate(seen):
        for other in seen[i + 1 :]:
            assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 0.08


@pytest.mark.parametrize("names", [LINES[:3], LINES[3:]])
def test_lines_differ_in_more_than_colour(names):
    found = set()
    for name in names:
        own = re.findall(rf"\.line\.{name}(?:,[^{{]*)? \{{ (.*?) \}}", STYLE)
        in_legend = re.findall(rf"\.{name} \.line, \.line\.{name} \{{ (.*?) \}}", STYLE)
        assert own == in_legend, name
        found.add(tuple(own))
    assert len(found) == len(names)


@pytest.mark.parametrize("is_dark", [False, True])
def test_counts_can_be_read_on_every_shade_and_shades_go_one_way(is_dark):
    block = STYLE.split(".s0 {")[1].split(".pairs")[0]
    light, _, dark = block.partition("@media")
    text = dark if is_dark else light
    shades = dict(re.findall(r"\.s(\d) \{ --shade: (#\w{6});", text))
    assert sorted(shades) == list("123456789")
    inks = re.findall(r"((?:\.s\d,? ?)+)\{ --on-shade: (#\w{6});", text)
    for names, ink in inks:
        for number in re.findall(r"\d", names):
            assert contrast(shades.pop(number), ink) >= 4.5, number
    assert not shades
    levels = [
        luminance(colour)
        for _, colour in sorted(re.findall(r"\.s(\d) \{ --shade: (#\w{6});", text))
    ]
    assert levels == sorted(levels, reverse=not is_dark)
