import { Answer } from "./answer.js";
import { Drawing } from "./drawing.js";
import { html } from "./elements.js";
import { Form } from "./form.js";
import { Likeness } from "./likeness.js";
import { Network } from "./network.js";
import { Seeing } from "./seeing.js";
import { Preparation } from "./preparation.js";
import { Raster } from "./raster.js";

// The part of the page where the reader asks the network, or all members of a sweep.
export const Trial = (() => {
  const MOST_PIXELS = 512; // of a side of a file; larger ones are made smaller first

  function asker(trial, answer) {
    const networks = trial.networks;
    const decoded = networks.map(() => null);
    const judges = trial.input.kind === "image" && trial.kind === "classification"; // as its limit is of pictures
    let chosen = networks;
    let last = null;

    // Decoded when it is first asked: 32 of them take a second.
    function decode(i) {
      decoded[i] ??= Network.decode(networks[i].network);
      return decoded[i];
    }

    // viewsOf: of each network, what it is asked; `odd` comes before what the network itself is
    // unsure of, and `far` after that. fold: in whose test that is, where it is in one.
    function ask(viewsOf, odd = "", far = "", fold = undefined) {
      last = [viewsOf, odd, far, fold];
      if (!viewsOf) return answer.show(null, [], odd);
      const asked = untrained(chosen, fold);
      const left = chosen.length - asked.length;
      const who = left ? `not asked: ${left} of ${chosen.length} networks, which trained on this example` : "";
      if (!asked.length) return answer.show(null, [], `${who}; choose those of fold ${fold}`);
      const rows = asked.map((each) => {
        const network = decode(networks.indexOf(each));
        const found = viewsOf(each).map((view) => Network.predict(network, view));
        return Likeness.together(found, trial.kind);
      });
      const unsure = judges ? Likeness.undecided(Answer.mean(rows.map((row) => [...row]))) : "";
      const why = odd || unsure || far;
      const remarks = [who, why && `unlike the training data: ${why}`].filter(Boolean);
      answer.show(rows, asked.map((each) => each.name), remarks.join("; "));
    }

    function choose(isChosen) {
      chosen = networks.filter(isChosen);
      if (last) ask(...last);
    }

    return { ask, choose, networks };
  }

  // The networks that have not seen an example of a fold's test, on which the other folds' trained.
  function untrained(networks, fold) {
    return fold === undefined ? networks : networks.filter((each) => each.fold === fold);
  }

  // Which of the networks are asked: those of a setting, of which the best is the first, or all, or one.
  function chooser(networks, choose) {
    const settings = [...new Set(networks.map((each) => each.setting))];
    const those = settings.length > 1
      ? settings.map((name) => [`the networks of ${name}`, (each) => each.setting === name])
      : [];
    const all = [[`all ${networks.length} networks`, () => true]];
    const single = networks.map((one) => [one.name, (each) => each === one]);
    const choices = [...those, ...all, ...single];
    const select = html("select", { id: "trial-who", change: () => choose(choices[select.value][1]) });
    select.append(...choices.map(([name], value) => html("option", { value }, name)));
    choose(choices[0][1]);
    return html("p", {}, html("label", { for: "trial-who" }, "Ask "), select);
  }

  function decoded({ means, limit }) {
    return { means: means.map((text) => Network.numbers(text, "uint8").map((x) => x / 255)), limit };
  }

  function valuesOf(example) {
    return Network.numbers(example.values, example.dtype).map((x) => (example.dtype === "uint8" ? x / 255 : x));
  }

  // Pixels from 0 to 1 as the network knows them, where white is another number there.
  function brightened(values, white) {
    return white === 1 ? values : values.map((x) => white * x);
  }

  // A row of values from 0 to 1 as a picture.
  function picture(values, [height, width, colours = 1]) {
    const made = html("canvas", { width, height });
    const pixels = new ImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      for (let k = 0; k < 3; k++) pixels.data[4 * i + k] = 255 * values[i * colours + (colours > 1 ? k : 0)];
      pixels.data[4 * i + 3] = 255;
    }
    made.getContext("2d").putImageData(pixels, 0, 0);
    return made;
  }

  async function viewsOfFile(file, shape) {
    const bitmap = await createImageBitmap(file);
    const smaller = Math.max(1, Math.floor(Math.max(bitmap.width, bitmap.height) / MOST_PIXELS));
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.ceil(side / smaller));
    const sheet = html("canvas", { width, height });
    const context = sheet.getContext("2d");
    Object.assign(context, { fillStyle: "#fff", imageSmoothingQuality: "high" });
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    const channel = (of) => Raster.make(width, height, Float32Array.from({ length: width * height }, (_, i) => of(4 * i) / 255));
    if (shape.length === 3) return Seeing.ofColour([0, 1, 2].map((k) => channel((i) => data[i + k])), shape);
    return Seeing.ofGrey(channel((i) => Math.round((299 * data[i] + 587 * data[i + 1] + 114 * data[i + 2]) / 1000)), shape);
  }

  function imageTrial(trial, ask) {
    const { shape, draws, examples, white } = trial.input; // white: null where some pixels are below 0
    const seen = html("div", { class: "seen", role: "img", "aria-label": "What the network sees" });
    let waiting = false;

    const far = trial.input.likeness ? Likeness.farFrom(decoded(trial.input.likeness)) : () => "";

    function show(prepared, fold) {
      seen.replaceChildren(...(prepared ? [picture(prepared.views[0], shape)] : []));
      const views = prepared?.views.map((view) => brightened(view, white ?? 1));
      ask(prepared && (() => views), prepared?.oddity, prepared && far(prepared.views[0]), fold);
    }

    let strokes = [];
    function drawn(now) {
      strokes = now;
      if (waiting) return; // for the next frame, which shows what there is then
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        show(strokes.length ? Seeing.prepared(Drawing.inkOf(strokes, PEN), shape) : null);
      });
    }

    const drawing = draws ? Drawing.make(PEN, drawn) : null;
    const thumbs = examples.map((example) => {
      const values = brightened(valuesOf(example), 1 / (white ?? 1));
      const act = () => {
        drawing?.clear();
        requestAnimationFrame(() => show({ views: [values], oddity: "" }, trial.input.fold));
      };
      return html("button", { type: "button", click: act, "aria-label": `test example: ${example.label}`, title: example.label }, picture(values, shape));
    });
    const open = async (event) => {
      const [file] = event.target.files;
      if (!file) return;
      drawing?.clear();
      let found = null;
      let remark = "the picture is blank";
      try {
        found = await viewsOfFile(file, shape);
      } catch {
        remark = "no picture that this browser can read";
      }
      requestAnimationFrame(() => (found ? show(found) : (show(null), ask(null, `${file.name}: ${remark}`))));
    };
    const file = html("p", {}, html("label", {}, "A picture of your own, which stays on this computer ", html("input", { type: "file", accept: "image/*", change: open })));
    const more = html("div", { class: "more" }, html("h3", {}, "Test examples"), html("div", { class: "thumbs" }, ...thumbs), white === null ? "" : file);
    const sees = html("figure", { class: "sees" }, html("figcaption", {}, "What the network sees"), seen);
    return { asked: drawing?.place ?? "", more, sees, start: () => (draws ? show(null) : thumbs[0]?.click()) };
  }

  const PEN = 22; // the width of a stroke, of 320: that of the data's makers, about

  // Of each network its own fold's inputs; those of columns without names are the same for all.
  function viewsOfRow(preparations, row) {
    return (network) => [Preparation.apply(preparations[network.fold] ?? preparations[0], row)];
  }

  function formTrial(trial, ask) {
    const { preparations, examples } = trial.input;
    let fold; // while a row of the test is put into the form, and until it is changed
    const form = Form.make(preparations[0], (row, unlike) => {
      const marks = unlike === 1 ? "1 value is" : `${unlike} values are`;
      ask(viewsOfRow(preparations, row), unlike ? `${marks} as in no training row` : "", "", fold);
    });
    function choose() {
      if (!pick.value) return form.start();
      fold = trial.input.fold;
      form.set(rows[pick.value]);
      fold = undefined;
    }
    const rows = examples.map((example) => Preparation.undo(preparations[0], [...valuesOf(example)]));
    const pick = html("select", { id: "trial-row", change: choose });
    pick.append(html("option", { value: "" }, "the middle of the training rows"));
    pick.append(...examples.map(({ label }, i) => html("option", { value: i }, `test row ${i + 1}: ${label}`)));
    const from = html("p", {}, html("label", { for: "trial-row" }, "Start from "), pick);
    return { asked: html("div", { class: "asked" }, from, form.place), more: "", sees: "", start: form.start };
  }

  // Rows that are too wide for a form: the test's own alone.
  function rowTrial(trial, ask) {
    const { examples, fold } = trial.input;
    const show = () => ask(() => [valuesOf(examples[pick.value])], "", "", fold);
    const pick = html("select", { id: "trial-row", change: show });
    pick.append(...examples.map(({ label }, i) => html("option", { value: i }, `test row ${i + 1}: ${label}`)));
    const asked = html("div", { class: "asked" }, html("p", {}, html("label", { for: "trial-row" }, "Ask about "), pick));
    return { asked, more: "", sees: "", start: show };
  }

  const KINDS = { image: imageTrial, form: formTrial, row: rowTrial };

  function show(trial, place) {
    const answer = Answer.make(trial.kind, trial.names, trial.span);
    const { ask, choose, networks } = asker(trial, answer);
    const { asked, more, sees, start } = KINDS[trial.input.kind](trial, ask);
    const who = networks.length > 1 ? [chooser(networks, choose)] : [];
    place.append(asked, html("div", { class: "reply" }, ...who, answer.place, sees), more);
    start();
  }

  return { brightened, show, untrained, viewsOfRow };
})();

export const showTrial = Trial.show;
