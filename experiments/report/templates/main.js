import { showConfusion } from "./confusion.js";
import { showCopies } from "./copy.js";
import { showCurves } from "./curves.js";
import { showExamples } from "./examples.js";
import { showLayer } from "./layer.js";
import { showSettings } from "./settings.js";
import { showAxes, showBands, showSeeds } from "./sweeps.js";
import { showTrial } from "./trial.js";
import { showValues } from "./values.js";

// Each part of the page is shown from its part of the data, where there is one.
const data = JSON.parse(document.getElementById("data").textContent);
const parts = {
  network: showTrial,
  curves: showCurves,
  confusion: showConfusion,
  examples: showExamples,
  values: showValues,
  first_layer: showLayer,
  settings: showSettings,
  bands: showBands,
  axes: showAxes,
  seeds: showSeeds,
};

for (const [name, show] of Object.entries(parts)) {
  const place = document.getElementById(name);
  if (place && data[name]) show(data[name], place, data);
}
showCopies();
