import { html, svg } from "./elements.js";
import { bounds, linearScale, textOf, tickText } from "./scales.js";

const TALL = 300;
const ROOM = { left: 60, right: 14, top: 10, bottom: 38 };

// A chart of points. chart: {name, x: {name, values}, y: {name, values}, line, say}, where a line is
// "same" for x = y, "zero" for y = 0 or none, and say(y, i) says what point i is.
// A slider goes through the points from left to right, as the mouse finds the nearest.
export function pointChart(chart) {
  const known = chart.x.values.flatMap((x, i) => (Number.isFinite(x) && Number.isFinite(chart.y.values[i]) ? [i] : []));
  const order = known.sort((a, b) => chart.x.values[a] - chart.x.values[b]);
  const place = html("div", { class: "plot" });
  const said = html("output", { class: "said" }, "\u00a0");
  const slider = html("input", { type: "range", min: 0, max: Math.max(0, order.length - 1), value: 0,
    "aria-label": `points of ${chart.name}`, input: () => point(Number(slider.value)) });
  let move = () => {};

  function point(rank) {
    if (!order.length) return;
    const i = order[rank];
    slider.value = rank;
    said.textContent = chart.say(chart.y.values[i], i);
    slider.setAttribute("aria-valuetext", said.textContent);
    move(i);
  }

  function draw() {
    const width = Math.max(240, place.clientWidth || 480);
    const both = chart.line === "same" ? [...chart.x.values, ...chart.y.values] : null;
    const [left, right] = bounds(both ?? chart.x.values, false, false);
    const [low, high] = bounds(both ?? [...chart.y.values, ...(chart.line === "zero" ? [0] : [])], false, false);
    const x = linearScale(left, right, ROOM.left, width - ROOM.right);
    const y = linearScale(low, high, TALL - ROOM.bottom, ROOM.top);
    const picture = svg("svg", { viewBox: `0 0 ${width} ${TALL}`, "aria-hidden": "true" }, ...grid(x, y, width, chart));
    if (chart.line) {
      const ends = chart.line === "same" ? [left, right] : [0, 0];
      picture.append(svg("line", { class: "right", x1: x.at(left), x2: x.at(right), y1: y.at(ends[0]), y2: y.at(ends[1]) }));
    }
    for (const i of order) {
      picture.append(svg("circle", { class: "point", cx: x.at(chart.x.values[i]).toFixed(1), cy: y.at(chart.y.values[i]).toFixed(1), r: 2.6 }));
    }
    const ring = svg("circle", { class: "ring", r: 7, visibility: "hidden" });
    picture.append(ring);
    move = (i) => {
      ring.setAttribute("cx", x.at(chart.x.values[i]));
      ring.setAttribute("cy", y.at(chart.y.values[i]));
      ring.setAttribute("visibility", "visible");
    };
    picture.addEventListener("pointermove", (event) => {
      const box = picture.getBoundingClientRect();
      const [px, py] = [(event.clientX - box.left) * (width / box.width), (event.clientY - box.top) * (TALL / box.height)];
      const far = order.map((i) => (x.at(chart.x.values[i]) - px) ** 2 + (y.at(chart.y.values[i]) - py) ** 2);
      point(far.indexOf(far.reduce((a, b) => Math.min(a, b), Infinity)));
    });
    place.replaceChildren(picture);
  }

  new ResizeObserver(draw).observe(place);
  return html("figure", { class: "chart" }, html("figcaption", {}, chart.name), place, slider, said, pointTable(chart, order));
}

function grid(x, y, width, chart) {
  const right = width - ROOM.right;
  const bottom = TALL - ROOM.bottom;
  return [
    ...y.ticks(5).flatMap((tick) => [
      svg("line", { class: "grid", x1: ROOM.left, x2: right, y1: y.at(tick), y2: y.at(tick) }),
      svg("text", { x: ROOM.left - 6, y: y.at(tick) + 4, "text-anchor": "end" }, tickText(tick)),
    ]),
    ...x.ticks(Math.max(2, width / 90)).map((tick) => svg("text", { x: x.at(tick), y: bottom + 16, "text-anchor": "middle" }, tickText(tick))),
    svg("text", { x: (ROOM.left + right) / 2, y: TALL - 5, "text-anchor": "middle" }, chart.x.name),
    svg("text", { class: "upright", transform: `translate(12 ${bottom / 2}) rotate(-90)`, "text-anchor": "middle" }, chart.y.name),
  ];
}

function pointTable(chart, order) {
  const details = html("details", {}, html("summary", {}, `${chart.name} as a table`));
  details.addEventListener("toggle", () => {
    if (details.children.length > 1) return;
    const head = html("tr", {}, html("th", { scope: "col" }, chart.x.name), html("th", { scope: "col" }, chart.y.name));
    const rows = order.map((i) => html("tr", {}, html("td", {}, textOf(chart.x.values[i])), html("td", {}, textOf(chart.y.values[i]))));
    details.append(html("div", { class: "scroll long", tabindex: 0, role: "region", "aria-label": `${chart.name} as a table` },
      html("table", {}, html("thead", {}, head), html("tbody", {}, ...rows))));
  });
  return details;
}
