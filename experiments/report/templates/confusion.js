import { ARROWS, html } from "./elements.js";
import { gallery } from "./examples.js";

// A cell of the matrix shows its examples. One cell is in the order of tabs, and arrows go on from it.
export function showConfusion(confusion, table, data) {
  const place = document.getElementById("cell");
  const cells = [...table.querySelectorAll("button")];
  for (const cell of cells) cell.tabIndex = -1;
  if (cells.length) cells[0].tabIndex = 0;

  table.addEventListener("click", (event) => {
    const cell = event.target.closest("button");
    if (cell) choose(cell);
  });
  table.addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    const next = step && neighbour(event.target, step);
    if (!next) return;
    event.preventDefault();
    focusOn(next);
  });

  // The next cell that way with an example in it.
  function neighbour(cell, [down, right]) {
    let [label, guess] = [Number(cell.dataset.label), Number(cell.dataset.guess)];
    const size = confusion.classes.length;
    for (;;) {
      label += down;
      guess += right;
      if (label < 0 || guess < 0 || label >= size || guess >= size) return null;
      const found = table.querySelector(`button[data-label="${label}"][data-guess="${guess}"]`);
      if (found) return found;
    }
  }

  function focusOn(cell) {
    for (const other of cells) other.tabIndex = other === cell ? 0 : -1;
    cell.focus();
  }

  function choose(cell) {
    for (const other of cells) other.setAttribute("aria-pressed", String(other === cell));
    focusOn(cell);
    const [label, guess] = [Number(cell.dataset.label), Number(cell.dataset.guess)];
    const places = data.examples.rows.flatMap((row, i) => (row.label === label && row.guess === guess ? [i] : []));
    const count = confusion.counts[label][guess];
    const which = label === guess ? "the least sure" : "the most confident";
    const some = places.length < count ? `; ${places.length} of them, ${which}` : "";
    const heading = html("h3", {}, `${confusion.classes[label]} taken for ${confusion.classes[guess]}: ${count}${some}`);
    place.replaceChildren(heading, gallery(places, data));
  }
}
