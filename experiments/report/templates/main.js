import { showCurves } from "./curves.js";

// Each part of the page is shown from its part of the data, where there is one.
const data = JSON.parse(document.getElementById("data").textContent);
const parts = { curves: showCurves };

for (const [name, show] of Object.entries(parts)) {
  const place = document.getElementById(name);
  if (place && data[name]) show(data[name], place, data);
}
