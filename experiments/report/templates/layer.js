import { ARROWS, bytesOf, html } from "./elements.js";
import { paintSigned } from "./paint.js";
import { textOf } from "./scales.js";

// The first layer's weights as pictures; one that is chosen is shown large, and says what it holds.
export function showLayer(layer, place) {
  const all = bytesOf(layer.weights);
  const size = layer.shape.reduce((a, b) => a * b);
  const [height, width, colours] = layer.shape;
  const large = html("div", { class: "large" });
  const said = html("output", {});
  const units = layer.units.map((unit, i) => {
    const bytes = all.subarray(i * size, (i + 1) * size);
    const label = `unit ${unit}, norm ${textOf(layer.norms[i])}`;
    const button = html("button", { type: "button", class: "unit", "aria-label": label, "aria-pressed": "false",
      click: () => choose(button, bytes, label) }, paintSigned(bytes, layer.shape, ""));
    return { unit, button };
  });
  const list = html("div", { class: "units", role: "group", "aria-label": "hidden units" }, ...units.map((each) => each.button));
  const order = html("select", { change: () => sort(order.value) },
    html("option", { value: "norm" }, "largest norm first"), html("option", { value: "unit" }, "by number"));
  place.append(html("label", { class: "order" }, "Order: ", order), html("div", { class: "layer" }, list, html("div", {}, large, said)));
  if (units.length) units[0].button.click();

  function sort(by) {
    const sorted = by === "unit" ? [...units].sort((a, b) => a.unit - b.unit) : units;
    list.append(...sorted.map((each) => each.button));
  }

  function choose(button, bytes, label) {
    for (const each of units) each.button.setAttribute("aria-pressed", String(each.button === button));
    const canvas = paintSigned(bytes, layer.shape, `${label}; arrow keys go from weight to weight`);
    const mark = html("span", { class: "at", hidden: true, "aria-hidden": "true" });
    Object.assign(mark.style, { width: `${100 / width}%`, height: `${100 / height}%` });
    canvas.tabIndex = 0;
    let at = [0, 0];
    const weights = Array.from(bytes, (byte) => ((byte - 128) / 127) * layer.limit);
    const least = weights.reduce((a, b) => Math.min(a, b));
    const most = weights.reduce((a, b) => Math.max(a, b));
    const whole = `${label}, weights from ${textOf(least)} to ${textOf(most)}`;
    const inside = (place, length) => Math.min(length - 1, Math.max(0, place));

    function point(down, right) {
      const [row, column] = [inside(down, height), inside(right, width)];
      at = [row, column];
      const first = (row * width + column) * colours;
      const found = weights.slice(first, first + colours).map((value) => textOf(value)).join(", ");
      said.textContent = `row ${row}, column ${column}: ${found}`;
      Object.assign(mark.style, { left: `${(100 * column) / width}%`, top: `${(100 * row) / height}%` });
      mark.hidden = false;
    }

    function leave() {
      said.textContent = whole;
      mark.hidden = true;
    }

    canvas.addEventListener("pointermove", (event) => {
      const box = canvas.getBoundingClientRect();
      const [down, right] = [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
      point(Math.floor(down * height), Math.floor(right * width));
    });
    canvas.addEventListener("keydown", (event) => {
      const step = ARROWS[event.key];
      if (!step) return;
      event.preventDefault();
      point(at[0] + step[0], at[1] + step[1]);
    });
    canvas.addEventListener("focus", () => point(...at));
    for (const end of ["pointerleave", "blur"]) canvas.addEventListener(end, leave);
    leave();
    large.replaceChildren(canvas, mark);
  }
}
