// A table whose columns sort and whose rows can be filtered; the rows themselves are in the page.
export function showSettings(settings, table) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
    const falls = head.getAttribute("aria-sort") === "ascending";
    for (const other of heads) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", falls ? "descending" : "ascending");
    body.append(...sorted(rows.map((row) => keyOf(row.cells[column])), falls).map((i) => rows[i]));
  }));

  const filter = document.getElementById("filter");
  if (!filter) return;
  const said = document.getElementById("filtered");
  filter.closest("p").hidden = false;
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) row.hidden = !matches(row, words);
    said.textContent = words.length ? `${rows.filter((row) => !row.hidden).length} of ${rows.length} settings` : "";
  });
}

// Each word has to be in a cell: "0.01 64" finds a rate with a width.
function matches(row, words) {
  const cells = [...row.cells].map((cell) => cell.textContent.toLowerCase());
  return words.every((word) => cells.some((text) => text.includes(word)));
}

function keyOf(cell) {
  const value = cell.dataset.value;
  return value === "" ? cell.textContent : Number(value);
}

// Places in a sorted order: numbers before texts, and what is empty last whichever way.
export function sorted(keys, falls) {
  const sign = falls ? -1 : 1;
  return keys.map((_, i) => i).sort((a, b) => {
    const [x, y] = [keys[a], keys[b]];
    if (x === "" || y === "") return (x === "") - (y === "");
    if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
    return sign * (typeof x === "number" ? x - y : x.localeCompare(y));
  });
}
