import { html } from "./elements.js";

// A picture of bytes on a canvas, pixel for pixel; the style makes it larger.
export function paint(bytes, [height, width, colours], label) {
  return painted(height, width, label, (i) => (colours === 3
    ? [bytes[3 * i], bytes[3 * i + 1], bytes[3 * i + 2]]
    : [bytes[i], bytes[i], bytes[i]]));
}

// Weights as a picture: 128 is none, of one colour blue pulls down and orange drives up.
export function paintSigned(bytes, shape, label) {
  if (shape[2] === 3) return paint(bytes, shape, label);
  return painted(shape[0], shape[1], label, (i) => signedColour((bytes[i] - 128) / 127));
}

// From blue over white to orange, both of Okabe and Ito's.
export function signedColour(share) {
  const end = share < 0 ? [0, 90, 150] : [200, 80, 0];
  const part = Math.min(1, Math.abs(share));
  return end.map((value) => Math.round(247 + (value - 247) * part));
}

function painted(height, width, label, colourAt) {
  const canvas = html("canvas", { width, height, role: "img", "aria-label": label });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i += 1) image.data.set([...colourAt(i), 255], 4 * i);
  context.putImageData(image, 0, 0);
  return canvas;
}
