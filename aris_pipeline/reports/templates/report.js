"use strict";
// Sorts, filters and searches the table of all candidates. Values are written as text, never as HTML.
(() => {
  const PAGE = matchMedia("(max-width: 45rem)").matches ? 10 : 50;
  const { columns, rows } = JSON.parse(document.getElementById("data").textContent);
  const table = document.getElementById("candidates");
  const [head] = table.tHead.rows;
  const [body] = table.tBodies;
  const search = document.getElementById("search");
  const filters = [...document.querySelectorAll("select[data-column]")];
  const count = (number) => number.toLocaleString("en-US");
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  let order = { column: -1, falling: false };
  let first = 0;
  let found = rows;

  const words = (value, column) => {
    if (value === null) return "";
    if (column.kind === "choice") return column.options[value];
    if (column.kind === "flags") return value.map((flag) => column.options[flag]).join(" ");
    return column.label === "Score" ? value.toFixed(2) : String(value);
  };
  const haystack = rows.map((row) => row.map((value, at) => words(value, columns[at])).join("\n").toLowerCase());
  const place = new Map(rows.map((row, at) => [row, at]));

  const key = (row) => {
    const value = row[order.column];
    return columns[order.column].kind === "flags" ? value.length : value;
  };
  const sorted = (chosen) => {
    if (order.column < 0) return chosen;
    const sign = order.falling ? -1 : 1;
    return [...chosen].sort((one, other) => {
      const [a, b] = [key(one), key(other)];
      if (a === null || b === null) return (a === null) - (b === null) || place.get(one) - place.get(other);
      return sign * (typeof a === "string" ? compare(a, b) : a - b) || place.get(one) - place.get(other);
    });
  };

  const element = (name, text, style) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (style) made.className = style;
    return made;
  };
  const shade = (place, options) => Math.round((place * 4) / Math.max(options - 1, 1));
  const cell = (value, column) => {
    const made = element(column.kind === "id" ? "th" : "td");
    if (column.kind === "id") made.scope = "row";
    made.dataset.label = column.label;
    if (column.kind === "number" || column.kind === "text") made.className = column.kind;
    if (value === null || value.length === 0) return made;
    if (column.kind === "flags") {
      for (const flag of value) made.append(element("span", column.options[flag], "flag"), " ");
    } else if (column.kind === "choice" && column.is_filter && column.options.length > 2) {
      // The last two say that there is no recommendation.
      const scale = column.options.length - 2;
      made.append(element("span", words(value, column), value < scale ? `badge shade-${shade(value, scale)}` : "badge"));
    } else {
      made.append(element("bdi", words(value, column), column.kind === "id" ? "id" : ""));
    }
    return made;
  };
  const show = (from, until) => {
    body.replaceChildren(
      ...found.slice(from, until).map((row) => {
        const line = element("tr");
        line.append(...row.map((value, at) => cell(value, columns[at])));
        return line;
      }),
    );
  };

  const turn = (to) => {
    first = Math.max(0, Math.min(to, Math.floor((found.length - 1) / PAGE) * PAGE));
    const last = Math.min(first + PAGE, found.length);
    show(first, last);
    const shown = found.length ? `${count(first + 1)} to ${count(last)} of ${count(found.length)}` : "none";
    const all = found.length < rows.length ? `, chosen from ${count(rows.length)}` : "";
    document.getElementById("status").textContent = `Rows shown: ${shown}${all}`;
    document.getElementById("previous").disabled = first === 0;
    document.getElementById("next").disabled = last >= found.length;
  };
  const choose = () => {
    const wanted = search.value.trim().toLowerCase();
    const chosen = filters
      .filter((filter) => filter.value !== "")
      .map((filter) => [Number(filter.dataset.column), Number(filter.value)]);
    found = sorted(
      rows.filter(
        (row, at) =>
          haystack[at].includes(wanted) &&
          chosen.every(([column, value]) => row[column] === value || row[column]?.includes?.(value)),
      ),
    );
    turn(0);
  };

  [...head.cells].forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      order = { column, falling: order.column === column && !order.falling };
      for (const other of head.cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", order.falling ? "descending" : "ascending");
      choose();
    });
  });
  search.addEventListener("input", choose);
  for (const filter of filters) filter.addEventListener("change", choose);
  document.getElementById("previous").addEventListener("click", () => turn(first - PAGE));
  document.getElementById("next").addEventListener("click", () => turn(first + PAGE));

  // On paper there are no pages to turn, and nothing to open.
  const closed = () => [...document.querySelectorAll("details:not([open])")];
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = closed();
    for (const one of opened) one.open = true;
    show(0, found.length);
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
    turn(first);
  });

  for (const control of document.querySelectorAll(".controls")) control.hidden = false;
  turn(0);
})();
