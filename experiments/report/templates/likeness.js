import { Raster } from "./raster.js";

// What experiments/data/strokes.py and likeness.py say of a figure, with their limits.
export const Likeness = (() => {
  const SIDE = 80;
  const SMALL = 0.003 * SIDE ** 2;

  function count(isOn, width, height, touchAtCorners) {
    const { areas } = Raster.parts(isOn, width, height, touchAtCorners);
    return areas.filter((area) => area >= SMALL).length;
  }

  // What makes a figure, within its bounding box, unlike a handwritten character.
  function oddity(cut, even) {
    const longer = Math.max(cut.width, cut.height);
    const [wide, high] = [cut.width, cut.height].map((side) => Math.max(1, even((side * SIDE) / longer)));
    const small = Raster.resized(cut, wide, high, "bilinear");
    const [width, height] = [wide + 2, high + 2];
    const isOn = new Uint8Array(width * height);
    small.values.forEach((ink, i) => {
      if (ink > 0.5) isOn[(Math.floor(i / wide) + 1) * width + (i % wide) + 1] = 1;
    });
    const depths = Raster.depths(isOn, width, height).filter((_, i) => isOn[i]);
    const mean = depths.reduce((a, b) => a + b, 0) / depths.length;
    const most = depths.reduce((a, b) => Math.max(a, b), 0);
    const paper = isOn.map((on) => 1 - on);
    if (count(isOn, width, height, true) > 3) return "several figures";
    if (cut.width > 1.65 * cut.height) return "wide";
    if (count(paper, width, height, false) - 1 > 2) return "many loops";
    if (depths.length / (4 * mean) > 2.6 * SIDE) return "tangled";
    if (2 * most > 0.65 * SIDE) return "a blot";
    return "";
  }

  // One picture's probabilities from those of its views: in a mean of cubes the sure ones weigh more.
  function combined(views) {
    const means = views[0].map((_, k) => Math.cbrt(views.reduce((sum, view) => sum + view[k] ** 3, 0) / views.length));
    const sum = means.reduce((a, b) => a + b, 0);
    return means.map((mean) => mean / sum);
  }

  // One picture's answer from those of its views: shares of classes together, of two where the output
  // is that of "yes"; values, and answers to several questions, are those of the first view alone.
  function together(views, kind) {
    if (views.length === 1) return views[0];
    if (kind === "classification") return combined(views);
    if (kind === "binary" && views[0].length === 1) return combined(views.map(([yes]) => [1 - yes, yes])).slice(1);
    return views[0];
  }

  function undecided(probabilities) {
    const entropy = probabilities.reduce((sum, p) => sum - p * Math.log(Math.max(p, 1e-9)), 0);
    return Math.exp(entropy) > 4.8 ? "no class fits" : "";
  }

  // Whether a picture is further from the mean of each class than those of the training set are:
  // all but one in a hundred of them.
  function farFrom({ means, limit }) {
    const distance = (a, b) => Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0));
    return (view) => (means.every((mean) => distance(mean, view) > limit) ? "far from every class" : "");
  }

  return { combined, farFrom, oddity, together, undecided };
})();
