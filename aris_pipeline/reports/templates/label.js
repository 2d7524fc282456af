"use strict";
// Shows one candidate at a time, keeps what is chosen, and saves it as CSV. Text is written as text.
(() => {
  const { head, criteria, rows } = JSON.parse(document.getElementById("data").textContent);
  const at = (name) => document.getElementById(name);
  const form = at("answers");
  const labels = rows.map(() => Object.fromEntries(criteria.map((name) => [name, ""])));
  let current = 0;
  let isSaved = true;

  const labeled = () => labels.filter((one) => criteria.some((name) => one[name])).length;
  const tell = () => {
    at("status").textContent = `${labeled()} of ${rows.length} labeled${isSaved ? "" : ", not saved yet"}`;
  };
  const show = (number) => {
    current = Math.max(0, Math.min(number, rows.length - 1));
    at("candidate-title").textContent = `Candidate ${current + 1} of ${rows.length}`;
    at("profile").textContent = rows[current][head.indexOf("profile")];
    for (const name of criteria) {
      // Not by the list's own value: a browser does not take an empty one, and the last choice would stay.
      for (const option of form.elements[name]) option.checked = option.value === labels[current][name];
    }
    at("previous").disabled = current === 0;
    at("next").disabled = current === rows.length - 1;
    tell();
  };
  const go = (number) => {
    show(number);
    at("candidate").focus();
    scrollTo(0, at("candidate").offsetTop);
  };
  const keep = () => {
    for (const name of criteria) labels[current][name] = form.elements[name].value;
    isSaved = false;
    tell();
  };

  // A spreadsheet must take no cell for a formula: see `formula_safe`.
  const safe = (value) => (/^[=+\-@\t\r\n＝＋－＠]/.test(value) ? `'${value}` : String(value));
  const shown = head.map((name, place) => [name, place]).filter(([name]) => name !== "profile");
  const names = [...shown.map(([name]) => name), ...criteria];
  const save = () => {
    const lines = rows.map((row, number) => [
      ...shown.map(([, place]) => safe(row[place])), ...criteria.map((name) => labels[number][name]),
    ]);
    const cell = (text) => `"${text.replaceAll('"', '""')}"`;
    const text = [names, ...lines].map((line) => line.map(cell).join(",")).join("\r\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", text, "\r\n"], { type: "text/csv" }));
    link.download = `labels-${rows[0][head.indexOf("sample_id")]}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
    isSaved = true;
    tell();
  };

  // Goes on from a file that this page has saved: all cells are in quotes, in the order of `save`.
  const load = async (file) => {
    const cells = [...(await file.text()).matchAll(/"((?:[^"]|"")*)"/g)].map(([, text]) => text.replaceAll('""', '"'));
    const line = (number) => cells.slice(number * names.length, (number + 1) * names.length);
    const isSame = (row, number) => shown.every(([, place], at) => safe(row[place]) === line(number + 1)[at]);
    const read = (number) => Object.fromEntries(criteria.map((name, at) => [name, line(number + 1)[shown.length + at]]));
    const isOption = (one) => criteria.every((name) => [...form.elements[name]].some((option) => option.value === one[name]));
    const isWhole = cells.length === names.length * (rows.length + 1) && line(0).join() === names.join();
    if (!isWhole || !rows.every(isSame) || !rows.every((_, number) => isOption(read(number)))) {
      at("status").textContent = `${file.name} is not a file that this page has saved, as it was saved`;
      return;
    }
    if (!isSaved && !confirm("The file takes the place of what is not saved. Go on?")) return;
    rows.forEach((_, number) => { labels[number] = read(number); });
    isSaved = true;
    const open = labels.findIndex((one) => !one[criteria[0]]);
    go(open < 0 ? 0 : open);
  };

  form.addEventListener("change", keep);
  form.addEventListener("submit", (event) => event.preventDefault());
  at("previous").addEventListener("click", () => go(current - 1));
  at("next").addEventListener("click", () => go(current + 1));
  at("save").addEventListener("click", save);
  at("load").addEventListener("change", ({ target }) => {
    load(target.files[0]);
    target.value = "";
  });
  addEventListener("keydown", (event) => {
    if (event.target === at("load") || event.ctrlKey || event.altKey || event.metaKey) return;
    const [first] = criteria;
    const option = [...form.elements[first]][Number(event.key) - 1];
    if (option && option.value) {
      option.checked = true;
      keep();
      if (current < rows.length - 1) go(current + 1);
    } else if (event.key === "n") go(current + 1);
    else if (event.key === "p") go(current - 1);
    else if (event.key === "s") save();
  });
  addEventListener("beforeunload", (event) => {
    if (!isSaved) event.preventDefault();
  });

  at("candidate").hidden = false;
  show(0);
})();
