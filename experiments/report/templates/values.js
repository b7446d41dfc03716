import { pointChart } from "./points.js";

// A regression's answers: beside the true values, and how far off they are.
export function showValues(found, place) {
  for (const each of found.values) {
    const own = (y, i) => `test example ${each.rows[i]}: true ${each.labels[i]}, answer ${each.answers[i]}`;
    place.append(
      pointChart({
        name: `${each.name}: answers`, x: { name: "true value", values: each.labels },
        y: { name: "answer", values: each.answers }, line: "same", say: own,
      }),
      pointChart({
        name: `${each.name}: residuals`, x: { name: "answer", values: each.answers },
        y: { name: "answer less true value", values: each.answers.map((answer, i) => answer - each.labels[i]) },
        line: "zero", say: own,
      }),
    );
  }
}
