"""Draws on a page's sheet with the mouse, as a person does."""

from photographs import STROKES

HEIGHT = 0.6  # of the sheet


def draw(page, strokes, every=8):
    """Clears the sheet and draws strokes, of points x and y from 0 to 1."""
    page.get_by_role("button", name="Clear").click()
    sheet = page.locator(".sheet")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    for points in strokes:
        some = points if len(points) < 20 else [*points[:-1:every], points[-1]]
        places = [
            (
                box["x"] + box["width"] * (0.5 + HEIGHT * 0.7 * (x - 0.5)),
                box["y"] + box["height"] * (0.5 + HEIGHT * (y - 0.5)),
            )
            for x, y in some
        ]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place)
        page.mouse.up()
    settle(page)


def digit(page, number, way=0):
    draw(page, STROKES[number][way])


def settle(page):
    """Waits until what was drawn is answered: for two frames."""
    page.evaluate("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")


def answer(page):
    """The likeliest class, as the page says it."""
    return page.locator(".answer").inner_text().rpartition(", ")[0]


def shares(page):
    """What the bars say: name -> percent."""
    bars = page.locator(".bar")
    names, values = (bars.locator(each).all_inner_texts() for each in (".name", ".value"))
    return {
        name: float(value.removesuffix(" %")) for name, value in zip(names, values, strict=True)
    }
