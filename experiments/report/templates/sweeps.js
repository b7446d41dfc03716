import { lineChart } from "./lines.js";
import { stripChart } from "./strips.js";

const COLOURED = 8;

// The settings' curves: the best in colours with bands, the others grey behind them.
export function showBands(bands, place) {
  place.append(...bands.panels.map((panel) => lineChart({
    name: panel.name, isShare: panel.is_share, along: "epoch",
    series: panel.series.map((each, i) => ({ ...each, colour: i < COLOURED ? `c${i}` : "quiet", isQuiet: i >= COLOURED })),
  })));
}

// What each axis does: a line for each setting of the others.
export function showAxes(axes, place) {
  place.append(...axes.panels.map((panel) => lineChart({
    name: axes.metric, isShare: axes.is_share, along: panel.name, texts: panel.values,
    places: panel.numbers, isLogAlong: panel.is_log, hasBars: true,
    series: panel.series.map((each, i) => ({ ...each, colour: `c${i}` })),
  })));
}

// What the seeds scatter.
export function showSeeds(seeds, place) {
  place.append(stripChart(seeds));
}
