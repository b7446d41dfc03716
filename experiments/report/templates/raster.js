// Grey pictures, {width, height, values}, changed as Pillow changes those of mode F: so a drawing
// comes to the network as a file does that experiments.predict reads. Sums are made in float64.
export const Raster = (() => {
  const FILTERS = {
    // name: [half its width, its weight at a distance]
    box: [0.5, (x) => (x > -0.5 && x <= 0.5 ? 1 : 0)],
    bilinear: [1, (x) => Math.max(1 - Math.abs(x), 0)],
    bicubic: [2, (x) => cubic(Math.abs(x), -0.5)],
    lanczos: [3, (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0)],
  };

  function cubic(x, a) {
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
  }

  function sinc(x) {
    return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
  }

  function make(width, height, values = new Float32Array(width * height)) {
    return { width, height, values };
  }

  // The pixels that make each of `size` new ones between two places, and their weights.
  function weights(length, size, [from, to], filter) {
    const [reach, weigh] = FILTERS[filter];
    const scale = (to - from) / size;
    const wide = Math.max(scale, 1);
    return Array.from({ length: size }, (_, i) => {
      const centre = from + (i + 0.5) * scale;
      const first = Math.max(Math.trunc(centre - reach * wide + 0.5), 0);
      const stop = Math.min(Math.trunc(centre + reach * wide + 0.5), length);
      const found = [];
      for (let x = first; x < stop; x++) found.push(weigh((x - centre + 0.5) / wide));
      const sum = found.reduce((a, b) => a + b, 0);
      return { first, shares: found.map((share) => share / sum) };
    });
  }

  function resizedAcross(image, width, span, filter) {
    const made = make(width, image.height);
    const all = weights(image.width, width, span, filter);
    for (let y = 0; y < image.height; y++) {
      for (let x = 0; x < width; x++) {
        const { first, shares } = all[x];
        const from = y * image.width + first;
        let sum = 0;
        for (let i = 0; i < shares.length; i++) sum += shares[i] * image.values[from + i];
        made.values[y * width + x] = sum;
      }
    }
    return made;
  }

  function transposed(image) {
    const made = make(image.height, image.width);
    for (let y = 0; y < image.height; y++) {
      for (let x = 0; x < image.width; x++) {
        made.values[x * image.height + y] = image.values[y * image.width + x];
      }
    }
    return made;
  }

  // In another size: of all of it, or of a box of left, top, right and bottom.
  function resized(image, width, height, filter, box = [0, 0, image.width, image.height]) {
    const across = resizedAcross(image, width, [box[0], box[2]], filter);
    const down = resizedAcross(transposed(across), height, [box[1], box[3]], filter);
    return transposed(down);
  }

  // Between four pixels, the outer ones going on; nothing outside.
  function between({ width, height, values }, x, y) {
    if (x < 0 || x >= width || y < 0 || y >= height) return 0;
    const left = Math.floor(x - 0.5);
    const top = Math.floor(y - 0.5);
    const right = x - 0.5 - left;
    const below = y - 0.5 - top;
    const x0 = Math.max(left, 0);
    const x1 = Math.min(left + 1, width - 1);
    const y0 = Math.max(top, 0) * width;
    const y1 = Math.min(top + 1, height - 1) * width;
    const upper = values[y0 + x0] * (1 - right) + values[y0 + x1] * right;
    const lower = values[y1 + x0] * (1 - right) + values[y1 + x1] * right;
    return upper * (1 - below) + lower * below;
  }

  // Each new pixel from where it comes from: x = a x' + b y' + c, y = d x' + e y' + f.
  function mapped(image, [a, b, c, d, e, f], width, height) {
    const made = make(width, height);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const x = column + 0.5;
        const y = row + 0.5;
        made.values[row * width + column] = between(image, a * x + b * y + c, d * x + e * y + f);
      }
    }
    return made;
  }

  // Turned against the clock about its middle, in a picture that holds all of it.
  function turned(image, degrees) {
    if (degrees % 360 === 0) return image;
    const { width, height } = image;
    const angle = (-degrees * Math.PI) / 180;
    const [a, b, d, e] = [Math.cos(angle), Math.sin(angle), -Math.sin(angle), Math.cos(angle)];
    const [middleX, middleY] = [width / 2, height / 2];
    const place = (x, y, c, f) => [a * x + b * y + c, d * x + e * y + f];
    const [c, f] = place(-middleX, -middleY, middleX, middleY);
    const corners = [[0, 0], [width, 0], [width, height], [0, height]].map(([x, y]) => place(x, y, c, f));
    const extent = (axis) => {
      const found = corners.map((corner) => corner[axis]);
      return Math.ceil(Math.max(...found)) - Math.floor(Math.min(...found));
    };
    const [wide, high] = [extent(0), extent(1)];
    const shift = place(-(wide - width) / 2, -(high - height) / 2, c, f);
    return mapped(image, [a, b, shift[0], d, e, shift[1]], wide, high);
  }

  function cropped(image, left, top, width, height) {
    const made = make(width, height);
    for (let y = 0; y < height; y++) {
      const from = (top + y) * image.width + left;
      made.values.set(image.values.subarray(from, from + width), y * width);
    }
    return made;
  }

  // Which part each pixel that is on belongs to, from 1, and how many pixels each part has.
  function parts(isOn, width, height, touchAtCorners) {
    const labels = new Int32Array(isOn.length);
    const areas = [0];
    const steps = [[1, 0], [-1, 0], [0, 1], [0, -1]];
    if (touchAtCorners) steps.push([1, 1], [1, -1], [-1, 1], [-1, -1]);
    for (let start = 0; start < isOn.length; start++) {
      if (!isOn[start] || labels[start]) continue;
      const label = areas.push(0) - 1;
      const waiting = [start];
      labels[start] = label;
      while (waiting.length) {
        const here = waiting.pop();
        areas[label]++;
        const x = here % width;
        const y = (here - x) / width;
        for (const [right, down] of steps) {
          const nextX = x + right;
          const nextY = y + down;
          if (nextX < 0 || nextX >= width || nextY < 0 || nextY >= height) continue;
          const next = nextY * width + nextX;
          if (!isOn[next] || labels[next]) continue;
          labels[next] = label;
          waiting.push(next);
        }
      }
    }
    return { labels, areas };
  }

  // The square of the distance to where nothing is on, along one row (Felzenszwalb, Huttenlocher).
  function lowest(heights) {
    const size = heights.length;
    const centres = [0];
    const borders = [-Infinity];
    const crossing = (p, q) => (heights[q] + q * q - heights[p] - p * p) / (2 * (q - p));
    for (let q = 1; q < size; q++) {
      let border = crossing(centres.at(-1), q);
      while (border <= borders.at(-1)) {
        centres.pop();
        borders.pop();
        border = crossing(centres.at(-1), q);
      }
      centres.push(q);
      borders.push(border);
    }
    let k = 0;
    return Float64Array.from({ length: size }, (_, q) => {
      while (k + 1 < centres.length && borders[k + 1] < q) k++;
      return (q - centres[k]) ** 2 + heights[centres[k]];
    });
  }

  // How far each pixel that is on is from the next one that is not.
  function depths(isOn, width, height) {
    const far = width * width + height * height;
    const squares = Float64Array.from(isOn, (on) => (on ? far : 0));
    for (let x = 0; x < width; x++) {
      const column = Float64Array.from({ length: height }, (_, y) => squares[y * width + x]);
      lowest(column).forEach((square, y) => (squares[y * width + x] = square));
    }
    for (let y = 0; y < height; y++) {
      squares.set(lowest(squares.slice(y * width, (y + 1) * width)), y * width);
    }
    return squares.map(Math.sqrt);
  }

  return { cropped, depths, make, mapped, parts, resized, turned };
})();
