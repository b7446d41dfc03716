"""Pictures of digits as people take them: strokes on paper, light, ruling, noise, a file.

A figure is its coverage, (height, width) float32 from 0, paper, to 1, ink. A kind takes one and a
generator of random numbers, and returns a picture. All measures are shares of the shorter side.
"""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


def arc(x, y, rx, ry, start, end):
    """Points of an ellipse's arc; 0 degrees is to the right, 90 is down."""
    turns = np.radians(np.linspace(start, end, 40))
    return [(x + rx * np.cos(turn), y + ry * np.sin(turn)) for turn in turns]


BALL = arc(0.5, 0.73, 0.3, 0.27, 0, 360)
STROKES = {  # digit -> ways to write it -> strokes -> points, x and y from 0 to 1
    0: [[arc(0.5, 0.5, 0.36, 0.5, -90, 270)], [arc(0.5, 0.5, 0.28, 0.5, -90, 270)]],
    1: [[[(0.5, 0), (0.5, 1)]], [[(0.32, 0.2), (0.54, 0), (0.54, 1)]]],
    2: [[[*arc(0.5, 0.28, 0.34, 0.28, -170, 40), (0.14, 1), (0.88, 1)]]],
    3: [[arc(0.46, 0.26, 0.32, 0.26, -160, 90), arc(0.46, 0.74, 0.36, 0.26, -90, 155)]],
    4: [
        [[(0.62, 1), (0.62, 0), (0.1, 0.68), (0.9, 0.68)]],
        [[(0.2, 0), (0.14, 0.52), (0.82, 0.52)], [(0.74, 0), (0.68, 1)]],
    ],
    5: [[[(0.82, 0), (0.26, 0), (0.2, 0.45), *arc(0.46, 0.69, 0.36, 0.31, -110, 150)]]],
    6: [[[(0.66, 0), *arc(0.62, 0.7, 0.42, 0.66, 255, 180)], BALL]],
    7: [
        [[(0.14, 0), (0.84, 0), (0.4, 1)]],
        [[(0.14, 0), (0.84, 0), (0.4, 1)], [(0.36, 0.5), (0.8, 0.5)]],
    ],
    8: [[arc(0.5, 0.25, 0.25, 0.25, 90, 450), arc(0.5, 0.75, 0.31, 0.25, -90, 270)]],
    9: [[arc(0.46, 0.28, 0.3, 0.28, 0, 360), [(0.76, 0.28), (0.72, 0.6), (0.6, 1)]]],
}


def strokes(digit, size=(300, 300), height=0.6, stroke=0.07, at=(0.5, 0.5), slant=0.0, way=0):
    """The coverage of a digit drawn with a round pen; size is (width, height), at its middle."""
    fine = 3 if max(size) < 1500 else 1  # drawn larger and reduced, to smooth its edges
    image = Image.new("L", (size[0] * fine, size[1] * fine))
    pen = ImageDraw.Draw(image)
    tall, radius = height * min(size) * fine, stroke * min(size) * fine / 2
    ways = STROKES[digit]
    for points in ways[way % len(ways)]:
        places = [
            (
                at[0] * image.width + tall * (0.7 * (x - 0.5) - slant * (y - 0.5)),
                at[1] * image.height + tall * (y - 0.5),
            )
            for x, y in points
        ]
        pen.line(places, 255, max(1, round(2 * radius)), joint="curve")
        for x, y in places:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), 255)
    return np.float32(image.reduce(fine)) / 255


def enlarged(pixels, size=(300, 300), height=0.6, at=(0.5, 0.5)):
    """The coverage of a data set's image, uint8 light on dark; its figure is height high or so."""
    side = round(height * min(size) * 1.4)
    digit = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
    image = Image.new("L", size)
    image.paste(digit, (round(at[0] * size[0] - side / 2), round(at[1] * size[1] - side / 2)))
    return np.float32(image) / 255


def photograph(coverage, light=1.0, paper=0.88, ink=0.15, ruling=0.0, noise=0.01, rng=None):
    """Ink on ruled paper under a light, by a camera with noise."""
    sheet = paper * (1 - np.maximum(ruling, 0))
    grey = (sheet * (1 - coverage) + ink * coverage) * light
    if noise:
        grey = grey + rng.normal(0, noise, coverage.shape)
    return Image.fromarray(np.uint8(np.round(255 * np.clip(grey, 0, 1))))


def places(shape):
    """Each pixel's x and y, from -1 to 1."""
    rows, columns = np.indices(shape, np.float32)
    return 2 * columns / (shape[1] - 1) - 1, 2 * rows / (shape[0] - 1) - 1


def ramp(shape, rng, dark=(0.3, 0.5)):
    """A lamp beside the paper: from 1 down to a dark end, in any direction."""
    turn = rng.uniform(0, 2 * np.pi)
    x, y = places(shape)
    across = x * np.cos(turn) + y * np.sin(turn)
    across = (across - across.min()) / np.ptp(across)
    return 1 - (1 - rng.uniform(*dark)) * across


def rules(shape, rng, squared=False):
    """Lines across the paper, 0 to 1 deep, a little out of level, and down it if squared."""
    x, y = np.indices(shape, np.float32)[::-1]
    short = min(shape)
    gap, width = rng.uniform(0.1, 0.25) * short, max(1.0, rng.uniform(0.004, 0.012) * short)
    lean, depth = rng.uniform(-0.03, 0.03), rng.uniform(0.15, 0.6)
    across = (y + lean * x + rng.uniform(0, gap)) % gap < width
    down = (x - lean * y + rng.uniform(0, gap)) % gap < width
    return depth * np.float32(across | down if squared else across)


def clean(coverage, rng):
    return photograph(coverage, 1, 1, 0, noise=0)


def on_black(coverage, rng):
    return photograph(coverage, 1, 0, 1, noise=0)


def on_board(coverage, rng):
    return photograph(coverage, 1, 0.2, 0.85, noise=0.02, rng=rng)


def coloured(coverage, rng):
    """Blue, red, green or brown ink on white, yellow or pink paper."""
    inks = [(20, 40, 160), (190, 20, 30), (10, 110, 40), (110, 60, 20)]
    papers = [(255, 255, 255), (250, 240, 170), (255, 205, 210)]
    paper, ink = (np.float32(some[rng.integers(len(some))]) for some in (papers, inks))
    rgb = paper + coverage[..., None] * (ink - paper)
    return Image.fromarray(np.uint8(np.round(rgb)))


def transparent(coverage, rng):
    image = Image.new("RGBA", coverage.shape[::-1], ["black", "white", "navy"][rng.integers(3)])
    image.putalpha(Image.fromarray(np.uint8(np.round(255 * coverage))))
    return image


def gradient(coverage, rng):
    return photograph(coverage, ramp(coverage.shape, rng), 0.86, rng=rng)


def strong_gradient(coverage, rng):
    """Of brightness 205 to 75 and steeper."""
    light = ramp(coverage.shape, rng, (0.2, 0.37))
    return photograph(coverage, light, 0.8, rng.uniform(0.08, 0.2), rng=rng)


def even_ink_gradient(coverage, rng):
    """Paper from 205 to 75, ink equally black everywhere, as one draws it."""
    paper = 205 / 255 * ramp(coverage.shape, rng, (0.36, 0.37))
    return photograph(coverage, 1, paper, 30 / 255, noise=0)


def gradient_on_board(coverage, rng):
    light = ramp(coverage.shape, rng, (0.4, 0.6))
    return photograph(coverage, light, 0.25, 0.95, rng=rng)


def ruled(coverage, rng):
    return photograph(coverage, 1, 0.93, ruling=rules(coverage.shape, rng), rng=rng)


def dark_ruled(coverage, rng):
    """Rules as dark as the ink or nearly."""
    lines = rules(coverage.shape, rng)
    lines *= rng.uniform(0.65, 0.9) / lines.max()
    return photograph(coverage, 1, 0.93, ruling=lines, rng=rng)


def squared(coverage, rng):
    lines = rules(coverage.shape, rng, squared=True)
    return photograph(coverage, 1, 0.93, ruling=lines, rng=rng)


def ruled_gradient(coverage, rng):
    lines, light = rules(coverage.shape, rng), ramp(coverage.shape, rng)
    return photograph(coverage, light, 0.82, ruling=lines, rng=rng)


def vignette(coverage, rng):
    x, y = places(coverage.shape)
    light = 1 - rng.uniform(0.5, 0.75) * np.clip((x**2 + y**2) / 2, 0, 1) ** rng.uniform(0.7, 1.2)
    return photograph(coverage, light, rng=rng)


def strip(coverage, rng):
    """The table's edge, or another sheet's shadow, along one side of the picture."""
    light, side = np.ones_like(coverage), int(rng.integers(4))
    clear = np.argmax(np.rot90(coverage, side).max(axis=1) > 0)  # rows above the figure
    width = min(round(rng.uniform(0.02, 0.12) * min(coverage.shape)), clear - 2)
    np.rot90(light, side)[:width] = rng.uniform(0.05, 0.4)
    return photograph(coverage, light, rng=rng)


def shadow(coverage, rng):
    """A hand's or a phone's: a straight soft edge anywhere across the paper."""
    x, y = places(coverage.shape)
    turn = rng.uniform(0, 2 * np.pi)
    away = x * np.cos(turn) + y * np.sin(turn) - rng.uniform(-0.5, 0.5)
    light = 1 - rng.uniform(0.3, 0.55) / (1 + np.exp(-away / rng.uniform(0.02, 0.15)))
    return photograph(coverage, light, rng=rng)


def noisy(coverage, rng):
    return photograph(coverage, 1, 0.8, 0.25, noise=rng.uniform(0.05, 0.1), rng=rng)


def jpeg(coverage, rng):
    file = io.BytesIO()
    photograph(coverage, rng=rng).convert("RGB").save(
        file, "JPEG", quality=int(rng.integers(8, 30))
    )
    return Image.open(file)


def blurred(coverage, rng):
    image = photograph(coverage, noise=0)
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.008, 0.02) * min(coverage.shape)))
    return photograph(1 - np.float32(image) / 255, rng=rng)


def faint(coverage, rng):
    """Pencil."""
    return photograph(coverage, 1, 0.9, rng.uniform(0.55, 0.7), rng=rng)


def turned(coverage, rng, most=30, fill=255, least=0):
    angle = rng.uniform(least, most) * rng.choice([-1, 1])
    return clean(coverage, rng).rotate(angle, Image.Resampling.BICUBIC, fillcolor=fill)


def turned_15(coverage, rng):
    return turned(coverage, rng, 15)


def turned_30(coverage, rng):
    return turned(coverage, rng, 30, least=30)


def black_corners(coverage, rng):
    """Turned by a tool that leaves black corners."""
    return turned(coverage, rng, 15, fill=0, least=5)


def everything(coverage, rng):
    """A phone's picture: a gradient, a vignette, rules, noise, blur, and JPEG."""
    x, y = places(coverage.shape)
    light = ramp(coverage.shape, rng, (0.45, 0.6)) * (1 - 0.3 * np.clip((x**2 + y**2) / 2, 0, 1))
    lines = 0.6 * rules(coverage.shape, rng)
    image = photograph(coverage, light, 0.85, 0.15, lines, 0.02, rng)
    image = image.filter(ImageFilter.GaussianBlur(0.003 * min(coverage.shape)))
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=60)
    return Image.open(file)


CLEAN = (clean, on_black, on_board, coloured, transparent, jpeg, noisy, blurred)
LIT = (gradient, strong_gradient, even_ink_gradient, gradient_on_board, vignette, strip, shadow)
MARKED = (ruled, dark_ruled, squared, ruled_gradient, faint, everything)
TURNED = (turned_15, turned, turned_30, black_corners)
KINDS = CLEAN + LIT + MARKED + TURNED
