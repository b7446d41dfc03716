import { html } from "./elements.js";
import { Preparation } from "./preparation.js";

// A form with a field for each column, and a mark where a value is unlike the training rows'.
export const Form = (() => {
  const DAY = 86400000;
  const tidy = (column, x) => Preparation.rounded(column, x).toLocaleString("en", { maximumFractionDigits: 20 });

  function dateText(days, hasTime) {
    return new Date(Math.round(days * DAY)).toISOString().slice(0, hasTime ? 19 : 10);
  }

  function shown(column, value) {
    return column.kind === "date" ? dateText(value, column.has_time) : tidy(column, value);
  }

  // What a reader needs to know of a value, or "".
  function mark(column, value) {
    if (value === null) {
      if (column.has_missing) return "missing";
      if (column.kind === "category") return "missing, as in no row of the training set";
      const fill = column.log ? Preparation.unlogged(column.fill) : column.fill;
      return `missing, as in no row of the training set: taken as ${shown(column, fill)}`;
    }
    if (column.kind === "category") {
      const isKnown = column.categories.includes(value) && !(column.unseen ?? []).includes(value);
      if (isKnown) return "";
      return column.has_other ? "new or rare among the training rows" : "not among the training rows";
    }
    if (column.kind === "boolean" || (value >= column.low && value <= column.high)) return "";
    return `outside ${shown(column, column.low)} to ${shown(column, column.high)}, the range in training`;
  }

  function options(column) {
    if (column.kind === "boolean") {
      const [no, yes] = column.words ?? ["no", "yes"];
      return [["1", yes], ["0", no], ["", "missing"]];
    }
    const known = column.categories.map((each) => [JSON.stringify(each), String(each)]);
    return [...known, [OTHER, "another"], ["", "missing"]];
  }

  const OTHER = "another"; // no JSON, so no category's own

  function control(column, id) {
    const about = { id, "aria-describedby": `${id}-mark` };
    if (column.kind === "category" || column.kind === "boolean") {
      return html("select", about, ...options(column).map(([value, text]) => html("option", { value }, text)));
    }
    if (column.kind === "date") return html("input", { ...about, type: column.has_time ? "datetime-local" : "date", step: 1 });
    return html("input", { ...about, type: "number", step: "any" });
  }

  function read(column, text) {
    if (text === "") return null;
    if (column.kind === "category") return text === OTHER ? { another: true } : JSON.parse(text);
    return column.kind === "date" ? Date.parse(`${text}Z`) / DAY : Number(text);
  }

  function written(column, value) {
    if (value === null || value === undefined) return "";
    if (column.kind === "category") return value.another ? OTHER : JSON.stringify(value);
    if (column.kind === "date") return dateText(value, column.has_time);
    return String(value);
  }

  // The row that the form begins with: numbers in the middle, the commonest of the categories.
  function middle(preparation) {
    const values = preparation.columns.map((column) => {
      if (column.kind === "category") return [column.name, column.commonest ?? column.categories[0] ?? null];
      const fill = column.log ? Preparation.unlogged(column.fill) : column.fill;
      const whole = column.kind === "date" || column.kind === "boolean" ? Math.round(fill) : fill;
      return [column.name, column.kind === "number" ? Preparation.rounded(column, whole) : whole];
    });
    return Object.fromEntries(values);
  }

  // onRow: is told of each row, name -> value, and of how many marks there are.
  function make(preparation, onRow) {
    const fields = preparation.columns.map((column, number) => {
      const id = `field-${number}`;
      const input = control(column, id);
      const note = html("span", { class: "mark", id: `${id}-mark` });
      const range = ["number", "date"].includes(column.kind)
        ? html("span", { class: "hint" }, `${shown(column, column.low)} to ${shown(column, column.high)}`)
        : "";
      const label = html("label", { for: id }, column.name, " ", range);
      return { column, input, note, place: html("div", { class: "field" }, label, input, note) };
    });

    function tell() {
      const found = fields.map(({ column, input, note }) => {
        const value = read(column, input.value);
        note.textContent = mark(column, value);
        return [column.name, value];
      });
      const unlike = fields.filter(({ note }) => note.textContent && note.textContent !== "missing").length;
      onRow(Object.fromEntries(found), unlike);
    }

    function set(values) {
      for (const { column, input } of fields) input.value = written(column, values[column.name]);
      tell();
    }

    const place = html("form", { class: "fields", input: tell, change: tell, submit: (event) => event.preventDefault() });
    place.append(...fields.map((field) => field.place));
    return { place, set, start: () => set(middle(preparation)) };
  }

  return { make, mark, middle, read, written };
})();
