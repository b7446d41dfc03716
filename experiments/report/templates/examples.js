import { bytesOf, html } from "./elements.js";
import { paint } from "./paint.js";

const FIRST = 24;  // mistakes that are shown before anybody asks for more

// The most confident mistakes: pictures with their classes, or the values of a row.
export function showExamples(examples, place, data) {
  const wrong = examples.rows.flatMap((row, i) => (row.label === row.guess ? [] : [i]));
  const shown = gallery(wrong.slice(0, FIRST), data);
  place.append(shown);
  if (wrong.length > FIRST) {
    const more = html("button", { type: "button", class: "more", click: () => {
      shown.append(...gallery(wrong.slice(FIRST), data).children);
      more.remove();
    } }, `Show ${wrong.length - FIRST} more`);
    place.append(more);
  }
}

// Some examples as a list, by their places in the data.
export function gallery(places, data) {
  const { examples, confusion } = data;
  const pixels = examples.shape ? bytesOf(examples.pixels) : null;
  const size = examples.shape ? examples.shape.reduce((a, b) => a * b) : 0;
  return html("ul", { class: examples.shape ? "tiles" : "rows" }, ...places.map((i) => {
    const row = examples.rows[i];
    const sure = row.confidence === null ? "no number" : `${(100 * row.confidence).toFixed(1)} %`;
    const words = `${confusion.classes[row.label]} taken for ${confusion.classes[row.guess]}`;
    const text = html("span", { class: "words" }, words, html("small", {}, `${sure}, no. ${row.index}`));
    const shown = pixels
      ? paint(pixels.subarray(i * size, (i + 1) * size), examples.shape, `test example ${row.index}`)
      : values(i, examples);
    return html("li", {}, shown, text);
  }));
}

function values(i, examples) {
  const pairs = examples.columns.map((name, j) => html("div", {},
    html("dt", {}, name), html("dd", {}, examples.values[i][j])));
  return html("dl", { class: "values" }, ...pairs);
}
