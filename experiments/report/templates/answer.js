import { html } from "./elements.js";

// What one network says, or several: bars of the mean, a tick for each, and who says what.
export const Answer = (() => {
  const MOST_BARS = 12;

  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  const mean = (rows) => rows[0].map((_, k) => rows.reduce((sum, row) => sum + row[k], 0) / rows.length);

  function best(row) {
    return row.reduce((found, value, k) => (value > row[found] ? k : found), 0);
  }

  // A number with so many digits as a reader needs, given how far values lie apart.
  function short(value, span) {
    const digits = Math.min(Math.max(2 - Math.floor(Math.log10(span || 1)), 0), 8);
    const text = value.toLocaleString("en", { maximumFractionDigits: digits });
    return /[1-9]/.test(text) ? text : text.replace("-", ""); // no "-0"
  }

  // Which answers there are, the commonest first: [[number of the class, how many say so]].
  function tally(rows) {
    const counts = new Map();
    for (const row of rows) counts.set(best(row), (counts.get(best(row)) ?? 0) + 1);
    return [...counts].sort(([a, many], [b, more]) => more - many || a - b);
  }

  function bar(name, middle, ticks, value, isBest) {
    const track = html("span", { class: "track", "aria-hidden": "true" });
    const filling = html("span", { class: "filling" });
    filling.style.width = `${100 * middle}%`;
    track.append(filling);
    for (const [label, place] of ticks) {
      const tick = html("span", { class: "tick", title: label });
      tick.style.left = `${100 * place}%`;
      track.append(tick);
    }
    const item = html("li", isBest ? { class: "bar best" } : { class: "bar" });
    item.append(html("span", { class: "name", title: name }, name), track, html("span", { class: "value" }, value));
    return item;
  }

  function make(kind, names, span) {
    const words = html("p", { class: "answer", role: "status" });
    const remark = html("p", { class: "remark" });
    const bars = html("ol", { class: "bars" });
    const place = html("div", { class: "answers" }, words, remark, bars);

    function classes(rows, labels) {
      const middle = mean(rows);
      const order = middle.map((_, k) => k);
      if (order.length > MOST_BARS) order.sort((a, b) => middle[b] - middle[a]);
      const chosen = best(middle);
      bars.replaceChildren(
        ...order.slice(0, MOST_BARS).map((k) => {
          const ticks = rows.length > 1 ? rows.map((row, i) => [`${labels[i]}: ${percent(row[k])}`, row[k]]) : [];
          return bar(names[k], middle[k], ticks, percent(middle[k]), k === chosen);
        }),
      );
      if (rows.length === 1) return `${names[chosen]}, ${percent(middle[chosen])}`;
      const said = tally(rows).map(([k, count]) => `${count} say ${names[k]}`);
      return said.length === 1
        ? `all ${rows.length} networks say ${names[chosen]}`
        : `the networks disagree: of ${rows.length}, ${said.join(", ")}`;
    }

    function several(rows, labels) {
      const middle = mean(rows);
      bars.replaceChildren(
        ...middle.map((share, k) => {
          const ticks = rows.length > 1 ? rows.map((row, i) => [`${labels[i]}: ${percent(row[k])}`, row[k]]) : [];
          return bar(names[k], share, ticks, percent(share), share > 0.5);
        }),
      );
      return names.filter((_, k) => middle[k] > 0.5).join(", ") || "none of them";
    }

    function values(rows, labels) {
      const middle = mean(rows);
      const texts = middle.map((value, k) => {
        const [low, high] = [span[k][0], span[k][1]];
        const along = (x) => Math.min(Math.max((x - low) / (high - low || 1), 0), 1);
        const spread = rows.length > 1 ? deviation(rows.map((row) => row[k])) : 0;
        const text = short(value, high - low) + (rows.length > 1 ? ` ± ${short(spread, high - low)}` : "");
        const ticks = rows.length > 1
          ? rows.map((row, i) => [`${labels[i]}: ${short(row[k], high - low)}`, along(row[k])])
          : [];
        return [bar(names[k], along(value), ticks, text, false), `${names[k]} ${text}`];
      });
      bars.replaceChildren(...texts.map(([item]) => item));
      return texts.map(([, text]) => text).join(", ");
    }

    function deviation(row) {
      const middle = row.reduce((a, b) => a + b, 0) / row.length;
      return Math.sqrt(row.reduce((sum, x) => sum + (x - middle) ** 2, 0) / (row.length - 1));
    }

    // rows: of each network, its probabilities or values; null for nothing to answer.
    function show(rows, labels, note = "") {
      remark.textContent = note;
      if (!rows) {
        words.textContent = "";
        bars.replaceChildren();
        return;
      }
      const isOneOfTwo = kind === "binary" && rows[0].length === 1 && names.length === 2;
      const shares = isOneOfTwo ? rows.map(([yes]) => [1 - yes, yes]) : rows.map((row) => [...row]);
      const say = kind === "regression" ? values : kind === "binary" && !isOneOfTwo ? several : classes;
      words.textContent = say(shares, labels);
    }

    return { place, show };
  }

  return { best, make, mean, short, tally };
})();
