import { html, svg, toggle } from "./elements.js";
import { bounds, linearScale, logScale, textOf, tickText } from "./scales.js";

const HEIGHT = 250;
const EDGE = { left: 52, right: 14, top: 10, bottom: 34 };

// A chart of lines over whole numbers from 1 on, such as epochs; or over the values of an axis.
//
// chart: {name, isShare, along: "epoch", series: [{name, colour, values, low, high, isQuiet}]}, where low
// and high are the ends of a band, or with `hasBars` of bars, and what is quiet is drawn grey, behind, and
// has no entry. Of an axis `texts` are its values, and `places` where they are, to scale; by default one
// beside the other.
// A slider below takes the place of the mouse, and says to a screen reader what it comes to.
export function lineChart(chart) {
  const length = Math.max(1, ...chart.series.map((each) => each.values.length));
  const all = chart.series.flatMap((each) => [each.values, each.low ?? [], each.high ?? []].flat());
  const canBeLog = all.some((value) => value > 0) && all.every((value) => value === null || value > 0);
  const state = { isLog: false, at: length, hidden: new Set() };
  const entries = chart.series.filter((each) => !each.isQuiet).map((series) => entry(series));

  function entry(series) {
    const value = html("span", { class: "value" });
    const shown = toggle({ class: `entry ${series.colour}` }, true, (isOn) => {
      if (isOn) state.hidden.delete(series); else state.hidden.add(series);
      draw();
    }, swatch(), `${series.name} `, value);
    return { series, value, shown };
  }

  const place = html("div", { class: "plot" });
  const slider = html("input", {
    type: "range", min: 1, max: length, value: length, "aria-label": `${chart.along} of ${chart.name}`,
    input: () => point(Number(slider.value)),
  });
  const scale = canBeLog
    ? [toggle({ class: "scale" }, false, (isOn) => { state.isLog = isOn; draw(); }, "logarithmic")]
    : [];
  const legend = html("div", { class: "legend", role: "group", "aria-label": `lines of ${chart.name}` },
    ...entries.map((each) => each.shown), ...scale);
  const where = html("span", { class: "where", "aria-hidden": "true" });
  const title = html("figcaption", {}, chart.isShare ? `${chart.name} (%)` : chart.name, where);
  const whole = html("figure", { class: "chart" }, title, legend, place, slider, table(chart, length));
  let move = () => {};

  function point(epoch) {
    state.at = Math.min(length, Math.max(1, epoch));
    slider.value = state.at;
    const texts = entries.map(({ series, value }) => {
      const i = state.at - 1;
      const ends = [series.low?.[i], series.high?.[i]];
      const interval = chart.hasBars && ends.every(Number.isFinite)
        ? ` (${textOf(ends[0], chart.isShare)} to ${textOf(ends[1], chart.isShare)})` : "";
      value.textContent = textOf(series.values[i], chart.isShare) + interval;
      return `${series.name} ${value.textContent}`;
    });
    const at = `${chart.along} ${chart.texts?.[state.at - 1] ?? state.at}`;
    where.textContent = at;
    slider.setAttribute("aria-valuetext", `${at}: ${texts.join(", ")}`);
    move();
  }

  function draw() {
    const width = Math.max(240, place.clientWidth || 480);
    const shown = chart.series.filter((each) => !state.hidden.has(each));
    const values = shown.flatMap((each) => [each.values, each.low ?? [], each.high ?? []].flat());
    const [low, high] = bounds(values, chart.isShare, state.isLog);
    const y = (state.isLog ? logScale : linearScale)(low, high, HEIGHT - EDGE.bottom, EDGE.top);
    const x = alongScale(chart, length, EDGE.left, width - EDGE.right);
    const picture = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true" }, ...axes(x, y, width, chart));
    for (const series of [...shown].sort((a, b) => Boolean(b.isQuiet) - Boolean(a.isQuiet))) {
      if (series.low && chart.hasBars) picture.append(...bars(series, x, y, state.isLog));
      else if (series.low) picture.append(svg("path", { class: `band ${series.colour}`, d: band(series, x, y, state.isLog) }));
      picture.append(svg("path", { class: `line ${series.colour}`, d: path(series.values, x, y, state.isLog) }));
    }
    const cross = svg("line", { class: "cross", y1: EDGE.top, y2: HEIGHT - EDGE.bottom });
    const dots = svg("g");
    picture.append(cross, dots);
    move = () => {
      const at = x.at(state.at);
      cross.setAttribute("x1", at);
      cross.setAttribute("x2", at);
      dots.replaceChildren(...entries.flatMap(({ series }) => {
        const value = series.values[state.at - 1];
        if (state.hidden.has(series) || !isKnown(value, state.isLog)) return [];
        return [svg("circle", { class: `dot ${series.colour}`, cx: at, cy: y.at(value), r: 4 })];
      }));
    };
    picture.addEventListener("pointermove", (event) => {
      const box = picture.getBoundingClientRect();
      point(x.nearest(((event.clientX - box.left) / box.width) * width));
    });
    place.replaceChildren(picture);
    move();
  }

  point(length);
  new ResizeObserver(draw).observe(place);
  return whole;
}

// From a number of an epoch, or of a value of the axis, to its place and back.
function alongScale(chart, length, from, to) {
  if (!chart.texts) {
    const scale = linearScale(1, Math.max(2, length), from, to);
    const whole = (count) => scale.ticks(count).filter((tick) => Number.isInteger(tick) && tick >= 1 && tick <= length);
    return { at: scale.at, nearest: (place) => Math.round(scale.back(place)), ticks: whole };
  }
  const places = chart.places ?? chart.texts.map((_, i) => i);
  const [low, high] = [Math.min(...places), Math.max(...places)];
  const edge = Math.min(30, (to - from) / 8);
  const isLog = chart.places && chart.isLogAlong;
  const scale = (isLog ? logScale : linearScale)(low, high, from + edge, to - edge);
  const at = (number) => scale.at(places[number - 1]);
  const numbers = places.map((_, i) => i + 1);
  const nearest = (place) => numbers.reduce((a, b) => (Math.abs(at(b) - place) < Math.abs(at(a) - place) ? b : a));
  return { at, nearest, ticks: () => apart(numbers, at, chart.texts) };
}

// As many of the values as have room for their texts, from the left on.
function apart(numbers, at, texts) {
  const kept = [];
  let free = -Infinity;
  for (const number of numbers) {
    const half = 3.6 * texts[number - 1].length + 4;
    if (at(number) - half < free) continue;
    kept.push(number);
    free = at(number) + half;
  }
  return kept;
}

function bars(series, x, y, isLog) {
  return series.values.flatMap((value, i) => [
    ...(isKnown(series.low[i], isLog) && isKnown(series.high[i], isLog)
      ? [svg("line", { class: `line whole ${series.colour}`, x1: x.at(i + 1), x2: x.at(i + 1), y1: y.at(series.low[i]), y2: y.at(series.high[i]) })] : []),
    ...(isKnown(value, isLog) ? [svg("circle", { class: `dot ${series.colour}`, cx: x.at(i + 1), cy: y.at(value), r: 3 })] : []),
  ]);
}

function swatch() {
  return svg("svg", { viewBox: "0 0 24 10", class: "swatch", "aria-hidden": "true" },
    svg("line", { class: "line", x1: 1, x2: 23, y1: 5, y2: 5 }));
}

function isKnown(value, isLog) {
  return value !== null && Number.isFinite(value) && (!isLog || value > 0);
}

// A line through what is known: an epoch without a value is passed over.
export function path(values, x, y, isLog) {
  const points = values.flatMap((value, i) => (isKnown(value, isLog) ? [`${x.at(i + 1).toFixed(1)} ${y.at(value).toFixed(1)}`] : []));
  if (points.length === 1) return `M${points[0]}h0.1`;  // which round ends make a dot
  return points.length ? `M${points.join("L")}` : "";
}

function band(series, x, y, isLog) {
  const known = series.values.flatMap((_, i) => (isKnown(series.low[i], isLog) && isKnown(series.high[i], isLog) ? [i] : []));
  const along = (i, values) => `${x.at(i + 1).toFixed(1)} ${y.at(values[i]).toFixed(1)}`;
  const there = known.map((i) => along(i, series.high));
  const back = known.reverse().map((i) => along(i, series.low));
  return there.length ? `M${[...there, ...back].join("L")}Z` : "";
}

function axes(x, y, width, chart) {
  const right = width - EDGE.right;
  const bottom = HEIGHT - EDGE.bottom;
  const across = y.ticks(5).flatMap((tick) => [
    svg("line", { class: "grid", x1: EDGE.left, x2: right, y1: y.at(tick), y2: y.at(tick) }),
    svg("text", { x: EDGE.left - 6, y: y.at(tick) + 4, "text-anchor": "end" }, tickText(tick, chart.isShare)),
  ]);
  const along = x.ticks(Math.max(2, width / 80)).map((tick) => svg("text",
    { x: x.at(tick), y: bottom + 16, "text-anchor": "middle" }, chart.texts?.[tick - 1] ?? String(tick)));
  const name = svg("text", { x: (EDGE.left + right) / 2, y: HEIGHT - 3, "text-anchor": "middle" }, chart.along);
  return [...across, ...along, name];
}

// The same values in words; made when it is first asked for, as it may be long.
function table(chart, length) {
  const details = html("details", {}, html("summary", {}, `${chart.name} as a table`));
  details.addEventListener("toggle", () => {
    if (details.children.length > 1) return;
    const named = chart.series.filter((each) => !each.isQuiet);
    const heads = [chart.along, ...named.map((each) => each.name)];
    const head = html("thead", {}, html("tr", {}, ...heads.map((each) => html("th", { scope: "col" }, each))));
    const rows = Array.from({ length }, (_, i) => html("tr", {}, html("th", { scope: "row" }, chart.texts?.[i] ?? String(i + 1)),
      ...named.map((each) => html("td", {}, textOf(each.values[i], chart.isShare)))));
    details.append(html("div", { class: "scroll long", tabindex: 0, role: "region", "aria-label": `${chart.name} as a table` },
      html("table", {}, head, html("tbody", {}, ...rows))));
  });
  return details;
}
