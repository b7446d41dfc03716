import { Likeness } from "./likeness.js";
import { Raster } from "./raster.js";

// From a drawing to what a network sees, as experiments/data/images.py does it of a file: for clean
// strokes, of which the ink is known; what there finds a figure on uneven paper is not needed.
export const Seeing = (() => {
  const TURNS = [0, -14, 14, -28, 28];
  const MIN_INK = 0.25;
  const DUST = 0.03;

  // To the next whole number, and halves to the even one, as Python rounds.
  function even(x) {
    const below = Math.floor(x);
    if (x - below !== 0.5) return Math.round(x);
    return below % 2 === 0 ? below : below + 1;
  }

  function highest(values) {
    let most = 0;
    for (const value of values) if (value > most) most = value;
    return most;
  }

  // The ink without specks: what hangs together with large parts.
  function figure(ink) {
    const { width, height, values } = ink;
    const marked = (share) => Uint8Array.from(values, (value) => (value > share ? 1 : 0));
    const firm = Raster.parts(marked(1 / 2), width, height, true);
    const least = DUST * highest(firm.areas);
    const soft = Raster.parts(marked(1 / 8), width, height, true);
    const kept = new Set();
    soft.labels.forEach((label, i) => {
      if (firm.labels[i] && firm.areas[firm.labels[i]] > least) kept.add(label);
    });
    const clean = values.map((value, i) => (kept.has(soft.labels[i]) ? value : 0));
    return { width, height, values: clean };
  }

  // A picture within the box of what is above a value.
  function within(image, least) {
    const { width, height, values } = image;
    let [left, top, right, bottom] = [width, height, -1, -1];
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        if (values[i] <= least) continue;
        if (x < left) left = x;
        if (x > right) right = x;
        if (top > y) top = y;
        bottom = y;
      }
    }
    return Raster.cropped(image, left, top, right - left + 1, bottom - top + 1);
  }

  // A figure within its bounding box.
  function cutOut(image) {
    return within(image, 0.5 * highest(image.values));
  }

  // The centre of mass, [row, column].
  function centre({ width, values }) {
    let [sum, rows, columns] = [0, 0, 0];
    values.forEach((value, i) => {
      sum += value;
      rows += value * Math.floor(i / width);
      columns += value * (i % width);
    });
    return [rows / sum, columns / sum];
  }

  // The longer side 20/28 of the square's, the centre of mass in the middle.
  function likeMnist(cut, [height, width]) {
    const scale = (Math.min(height, width) * 20) / 28 / Math.max(cut.width, cut.height);
    const [wide, high] = [cut.width, cut.height].map((side) => Math.max(1, even(side * scale)));
    const small = Raster.resized(cut, wide, high, "bicubic");
    small.values.forEach((value, i) => (small.values[i] = Math.min(Math.max(value, 0), 1)));
    const most = highest(small.values);
    const [middleRow, middleColumn] = centre(small);
    const place = (side, middle, length) => Math.min(Math.max(even(side / 2 - middle), 0), side - length);
    const top = place(height, middleRow, high);
    const left = place(width, middleColumn, wide);
    const made = Raster.make(width, height);
    small.values.forEach((value, i) => {
      made.values[(top + Math.floor(i / wide)) * width + left + (i % wide)] = value / most;
    });
    return made.values;
  }

  // The figure sheared sideways until its rows and columns covary no more.
  function upright(image) {
    const { width, height, values } = image;
    const [middleRow, middleColumn] = centre(image);
    let [together, down] = [0, 0];
    values.forEach((value, i) => {
      const row = Math.floor(i / width) - middleRow;
      together += value * row * ((i % width) - middleColumn);
      down += value * row * row;
    });
    const lean = together / Math.max(down, 1e-6);
    const room = Math.ceil(Math.abs(lean) * height);
    return Raster.mapped(image, [1, lean, -lean * middleRow - room, 0, 1, 0], width + 2 * room, height);
  }

  function thicker(bitmap, side) {
    return bitmap.map((_, i) => {
      const [x, y] = [i % side, Math.floor(i / side)];
      for (let row = Math.max(y - 1, 0); row <= Math.min(y + 1, side - 1); row++) {
        for (let column = Math.max(x - 1, 0); column <= Math.min(x + 1, side - 1); column++) {
          if (bitmap[row * side + column]) return 1;
        }
      }
      return 0;
    });
  }

  // Of each 4x4 of a bitmap of 32x32, which the upright figure fills in height, the share on.
  function likeDigits(figure) {
    const cut = cutOut(upright(figure));
    const width = Math.min(20, Math.max(1, even((32 * cut.width) / cut.height)));
    const small = Raster.resized(cut, width, 32, "box");
    const least = highest(small.values) / 2;
    const left = Math.floor((32 - width) / 2);
    let bitmap = new Uint8Array(32 * 32);
    small.values.forEach((value, i) => {
      if (value > least) bitmap[Math.floor(i / width) * 32 + left + (i % width)] = 1;
    });
    const share = () => bitmap.reduce((a, b) => a + b, 0) / bitmap.length;
    for (let i = 0; i < 3 && share() < MIN_INK; i++) bitmap = thicker(bitmap, 32);
    const made = new Float32Array(64);
    bitmap.forEach((on, i) => (made[Math.floor(i / 128) * 8 + Math.floor((i % 32) / 4)] += on / 16));
    return made;
  }

  // What a network of pictures of a shape sees of ink from 0 to 1: {views, oddity}; null of none.
  function prepared(ink, shape) {
    if (highest(ink.values) <= 0.5) return null;
    const cut = cutOut(figure(within(ink, 0)));
    const isSmall = shape[0] === 8 && shape[1] === 8; // it is set upright by itself
    const views = isSmall
      ? [likeDigits(cut)]
      : TURNS.map((turn) => likeMnist(cutOut(Raster.turned(cut, turn)), shape));
    return { views, oddity: Likeness.oddity(cut, even) };
  }

  // Brightness as ink from 0 to 1: inverted where most of the border is light.
  function inkOf(grey) {
    const { width, height, values } = grey;
    const border = [];
    values.forEach((value, i) => {
      const [x, y] = [i % width, Math.floor(i / width)];
      if (x === 0 || y === 0 || x === width - 1 || y === height - 1) border.push(value);
    });
    border.sort((a, b) => a - b);
    const middle = (border[Math.floor((border.length - 1) / 2)] + border[Math.floor(border.length / 2)]) / 2;
    const most = highest(values);
    const least = values.reduce((a, b) => Math.min(a, b), 1);
    const isLight = 2 * middle > least + most;
    return { least, most, values: isLight ? values.map((value) => 1 - value) : values, isLight };
  }

  // What a network sees of a picture file's brightness; null where it is blank.
  function ofGrey(grey, shape) {
    const { least, most, values, isLight } = inkOf(grey);
    if (most - least < 0.1) return null;
    if (grey.height === shape[0] && grey.width === shape[1]) return { views: [values], oddity: "" };
    const paper = isLight ? 1 - most : least;
    const ink = values.map((value) => (value - paper) / (most - least));
    return prepared({ ...grey, values: ink }, shape);
  }

  // The middle of a picture in colour, as large as there is: channels of values from 0 to 1.
  function ofColour(channels, [height, width]) {
    const source = channels[0];
    const ratio = width / height;
    const wide = Math.min(source.width, source.height * ratio);
    const high = Math.min(source.height, source.width / ratio);
    const [left, top] = [(source.width - wide) / 2, (source.height - high) / 2];
    const box = [left, top, left + wide, top + high];
    const made = new Float32Array(height * width * channels.length);
    channels.forEach((channel, k) => {
      const small = Raster.resized(channel, width, height, "lanczos", box);
      small.values.forEach((value, i) => (made[i * channels.length + k] = Math.min(Math.max(value, 0), 1)));
    });
    return { views: [made], oddity: "" };
  }

  return { ofColour, ofGrey, prepared };
})();
