import { lineChart } from "./lines.js";

// The learning curves of a run: a chart for each metric, the sets in colours of their own.
export function showCurves(curves, place) {
  const charts = curves.panels.map((panel) => lineChart({
    name: panel.name,
    isShare: panel.is_share,
    along: "epoch",
    series: panel.series.map((each) => ({ ...each, colour: COLOURS[each.name] ?? "c0" })),
  }));
  place.append(...charts);
}

const COLOURS = { train: "train", validation: "validation", test: "test" };
