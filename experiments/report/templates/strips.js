import { html, svg } from "./elements.js";
import { bounds, linearScale, textOf, tickText } from "./scales.js";

const ROW = 34;
const FOOT = 36;

// Every member's value as a dot, a row for each setting, with its mean and the mean's interval.
export function stripChart(strips) {
  const place = html("div", { class: "plot" });
  const said = html("output", { class: "said" }, "\u00a0");
  const slider = html("input", { type: "range", min: 0, max: strips.rows.length - 1, value: 0,
    "aria-label": `settings of ${strips.metric}`, input: () => point(Number(slider.value)) });
  let move = () => {};

  function point(at) {
    const row = strips.rows[at];
    slider.value = at;
    const values = row.values.map((value) => textOf(value, strips.is_share));
    said.textContent = `${row.name}: mean ${textOf(row.mean, strips.is_share)}; ${values.slice(0, 32).join(", ")}`
      + (values.length > 32 ? `, and ${values.length - 32} more` : "") + (row.lost ? `; ${row.lost}` : "");
    slider.setAttribute("aria-valuetext", said.textContent);
    move(at);
  }

  function draw() {
    const width = Math.max(240, place.clientWidth || 480);
    const height = ROW * strips.rows.length + FOOT;
    const all = strips.rows.flatMap((row) => [...row.values, row.mean]);
    const [low, high] = bounds(all, strips.is_share, false);
    const x = linearScale(low, high, 10, width - 14);
    const inside = (value) => Math.min(width - 14, Math.max(10, x.at(value)));
    const bottom = height - FOOT + 4;
    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    const here = svg("rect", { class: "here", x: 0, width, height: ROW });
    picture.append(here);
    for (const tick of x.ticks(Math.max(2, width / 90))) {
      picture.append(svg("line", { class: "grid", x1: x.at(tick), x2: x.at(tick), y1: 0, y2: bottom }),
        svg("text", { x: x.at(tick), y: bottom + 15, "text-anchor": "middle" }, tickText(tick, strips.is_share)));
    }
    picture.append(svg("text", { x: width / 2, y: height - 2, "text-anchor": "middle" },
      strips.is_share ? `${strips.metric} (%)` : strips.metric));
    strips.rows.forEach((row, i) => {
      const y = ROW * i + 23;
      picture.append(svg("text", { class: "name", x: 10, y: ROW * i + 12 }, row.lost ? `${row.name} (${row.lost})` : row.name));
      if (row.low !== null && row.high !== null) {
        picture.append(svg("line", { class: "interval", x1: inside(row.low), x2: inside(row.high), y1: y, y2: y }));
      }
      for (const value of row.values.filter((each) => each !== null)) {
        picture.append(svg("circle", { class: "point", cx: x.at(value).toFixed(1), cy: y, r: 3.2 }));
      }
      if (row.mean !== null) picture.append(svg("line", { class: "mean", x1: x.at(row.mean), x2: x.at(row.mean), y1: y - 7, y2: y + 7 }));
    });
    move = (at) => here.setAttribute("y", ROW * at);
    picture.addEventListener("pointermove", (event) => {
      const box = picture.getBoundingClientRect();
      const at = Math.floor(((event.clientY - box.top) * (height / box.height)) / ROW);
      point(Math.min(strips.rows.length - 1, Math.max(0, at)));
    });
    place.replaceChildren(picture);
    move(Number(slider.value));
  }

  point(0);
  new ResizeObserver(draw).observe(place);
  return html("figure", { class: "chart strips" }, place, slider, said);
}
