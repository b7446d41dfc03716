// A table's row as the inputs of a network: what experiments/data/tables/preparation.py does.
export const Preparation = (() => {
  const YEAR = 365.2425;
  const SECONDS = 86400; // of a day
  const isGiven = (value) => value !== null && value !== undefined && !Number.isNaN(value);
  const logged = (x) => Math.sign(x) * Math.log1p(Math.abs(x));
  const unlogged = (x) => Math.sign(x) * Math.expm1(Math.abs(x));

  function waves(days, period) {
    const turn = (2 * Math.PI * days) / period;
    return [Math.sin(turn), Math.cos(turn)];
  }

  function features(column, value) {
    const missing = column.has_missing ? [isGiven(value) ? 0 : 1] : [];
    if (column.kind === "category") {
      const unseen = column.unseen ?? [];
      const known = isGiven(value) && column.categories.includes(value) && !unseen.includes(value);
      const others = column.has_other ? [isGiven(value) && !known ? 1 : 0] : [];
      return [...column.categories.map((each) => (known && each === value ? 1 : 0)), ...others, ...missing];
    }
    const log = column.log ? logged : (x) => x;
    const x = isGiven(value) ? log(Number(value)) : column.fill;
    const first = (x - column.mean) / column.scale;
    if (column.kind !== "date") return [first, ...missing];
    const times = column.has_time ? waves(x, 1) : [];
    return [first, ...waves(x, YEAR), ...waves(x, 7), ...times, ...missing];
  }

  // values: name -> a number, the text of a category, or the days since 1970; null where missing.
  function apply(preparation, values) {
    return Float32Array.from(preparation.columns.flatMap((column) => features(column, values[column.name])));
  }

  function width(column) {
    const waves = column.kind === "date" ? (column.has_time ? 6 : 4) : 0;
    const own = column.kind === "category" ? column.categories.length + Number(column.has_other ?? false) : 1;
    return own + waves + Number(column.has_missing ?? false);
  }

  // The other way: the values that a row of features is of, as exactly as float32 keeps them.
  function undo(preparation, row) {
    const values = {};
    let start = 0;
    for (const column of preparation.columns) {
      const own = row.slice(start, start + width(column));
      start += own.length;
      values[column.name] = column.has_missing && own.at(-1) === 1 ? null : given(column, own);
    }
    return values;
  }

  function given(column, own) {
    if (column.kind === "category") return column.categories[own.indexOf(1)] ?? { another: true };
    const x = own[0] * column.scale + column.mean;
    if (column.kind === "boolean") return Math.round(x);
    if (column.kind === "date") return column.has_time ? time(x, own[5], own[6]) : Math.round(x);
    return rounded(column, column.log ? unlogged(x) : x);
  }

  // The day and its second, which waves of a period of a day know more exactly than the days since 1970.
  function time(days, sine, cosine) {
    const part = Math.atan2(sine, cosine) / (2 * Math.PI);
    return Math.round((Math.round(days - part) + part) * SECONDS) / SECONDS;
  }

  // A value with the digits that make a difference, and that float32 has: of how it is spread, not of its
  // size, as years and places on a map are far from 0 and close together.
  function rounded(column, value) {
    const taken = column.log ? logged : (x) => x;
    const spread = Math.min(column.scale, taken(column.high) - taken(column.low) || column.scale);
    const step = Math.max(1e-5 * spread, 1e-7 * Math.abs(taken(value) - column.mean));
    return Number(value.toFixed(decimals(column.log ? step * (1 + Math.abs(value)) : step)));
  }

  function decimals(step) {
    return Math.min(Math.max(-Math.floor(Math.log10(step)), 0), 20);
  }

  return { apply, rounded, undo, unlogged, width };
})();
