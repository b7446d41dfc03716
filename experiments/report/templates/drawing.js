import { html } from "./elements.js";
import { Raster } from "./raster.js";

// A sheet to draw on by mouse, pen, touch or keys.
export const Drawing = (() => {
  const SIDE = 320; // of the sheet, in its own units
  const MARGIN = 40; // around what is read, so that no stroke is cut off
  const STEP = 16; // of a pen that keys move
  const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function paint(context, strokes, width, colour) {
    Object.assign(context, { lineCap: "round", lineJoin: "round", lineWidth: width, strokeStyle: colour });
    for (const stroke of strokes) {
      context.beginPath();
      context.moveTo(stroke[0][0] + 0.01, stroke[0][1]); // so that a point alone has a length
      for (const point of stroke) context.lineTo(...point);
      context.stroke();
    }
  }

  // The ink of strokes, from 0 to 1.
  function inkOf(strokes, pen) {
    const side = SIDE + 2 * MARGIN;
    const sheet = Object.assign(document.createElement("canvas"), { width: side, height: side });
    const context = sheet.getContext("2d", { willReadFrequently: true });
    context.fillRect(0, 0, side, side);
    context.translate(MARGIN, MARGIN);
    paint(context, strokes, pen, "#fff");
    const { data } = context.getImageData(0, 0, side, side);
    const made = Raster.make(side, side);
    for (let i = 0; i < side * side; i++) made.values[i] = data[4 * i] / 255;
    return made;
  }

  // onChange: is told of the strokes, each a list of points, whenever they change.
  function make(pen, onChange) {
    const sheet = html("canvas", {
      class: "sheet", width: SIDE, height: SIDE, tabindex: "0", role: "application",
      "aria-label": "Sheet to draw on", "aria-describedby": "sheet-keys",
    });
    const context = sheet.getContext("2d");
    let strokes = [];
    let place = [SIDE / 2, SIDE / 2]; // of the pen that keys move
    let isDown = false;

    function redraw() {
      const style = getComputedStyle(sheet);
      context.clearRect(0, 0, SIDE, SIDE);
      paint(context, strokes, pen, style.color);
      if (document.activeElement !== sheet || !sheet.matches(":focus-visible")) return;
      Object.assign(context, { lineWidth: 2, strokeStyle: style.outlineColor, fillStyle: style.outlineColor });
      context.beginPath();
      context.arc(...place, pen / 2 + 3, 0, 2 * Math.PI);
      if (isDown) context.fill();
      else context.stroke();
    }

    function changed() {
      redraw();
      onChange(strokes);
    }

    function pointOf(event) {
      const box = sheet.getBoundingClientRect();
      const along = (at, from, length) => ((at - from) / length) * SIDE;
      return [along(event.clientX, box.left, box.width), along(event.clientY, box.top, box.height)];
    }

    function begin(event) {
      if (event.button !== 0 || !event.isPrimary) return;
      event.preventDefault();
      sheet.setPointerCapture(event.pointerId);
      strokes.push([pointOf(event)]);
      changed();
    }

    function go(event) {
      if (!sheet.hasPointerCapture(event.pointerId)) return;
      const passed = event.getCoalescedEvents?.() ?? [];
      strokes.at(-1).push(...(passed.length ? passed : [event]).map(pointOf));
      changed();
    }

    function undo() {
      strokes = strokes.slice(0, -1);
      isDown = false;
      changed();
    }

    function clear() {
      strokes = [];
      isDown = false;
      changed();
    }

    function press(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const step = KEYS[event.key];
      const acts = { " ": lift, Backspace: undo, Delete: clear };
      if (!step && !acts[event.key]) return;
      event.preventDefault();
      if (step) move(step);
      else acts[event.key]();
    }

    function lift() {
      isDown = !isDown;
      if (isDown) strokes.push([[...place]]);
      changed();
    }

    function move([right, down]) {
      const within = (x) => Math.min(Math.max(x, STEP), SIDE - STEP);
      place = [within(place[0] + STEP * right), within(place[1] + STEP * down)];
      if (isDown) strokes.at(-1).push([...place]);
      if (isDown) changed();
      else redraw();
    }

    const events = { pointerdown: begin, pointermove: go, keydown: press, focus: redraw, blur: redraw };
    for (const [name, act] of Object.entries(events)) sheet.addEventListener(name, act);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    const buttons = html(
      "div", { class: "buttons" },
      html("button", { type: "button", click: undo }, "Undo"),
      html("button", { type: "button", click: clear }, "Clear"),
    );
    const keys = html(
      "p", { class: "note", id: "sheet-keys" },
      "By keys: the arrows move the pen, space puts it down and lifts it, Backspace takes the last stroke back.",
    );
    return { place: html("div", { class: "drawing" }, sheet, buttons, keys), clear };
  }

  return { inkOf, make };
})();
