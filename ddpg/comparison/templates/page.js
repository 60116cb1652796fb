"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// One metric at a time, in the tables and below the pictures.
function chooseMetric(metric) {
  for (const part of all("[data-metric]")) part.hidden = part.dataset.metric !== metric;
  for (const radio of all("input[name=metric]")) radio.checked = radio.value === metric;
  document.getElementById("score").value = metric;
}
const radios = all("input[name=metric]");
for (const radio of radios) radio.addEventListener("change", () => chooseMetric(radio.value));
document.getElementById("score").addEventListener("change", event => chooseMetric(event.target.value));
if (radios.length) chooseMetric(radios[0].value);

// Sorting: best first, then the other way round; what has no value stays last.
for (const button of all("th button")) {
  button.addEventListener("click", () => {
    const head = button.parentElement, table = head.closest("table"), body = table.tBodies[0];
    const column = [...head.parentElement.children].indexOf(head);
    const before = head.getAttribute("aria-sort");
    const first = head.dataset.direction === "1" ? "descending" : "ascending";
    const order = before !== first ? first : first === "ascending" ? "descending" : "ascending";
    for (const other of all("[aria-sort]", table)) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    const value = row => parseFloat(row.children[column].dataset.value);
    const sign = order === "ascending" ? 1 : -1;
    const rows = [...body.rows].sort((a, b) => {
      const x = value(a), y = value(b);
      if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
      return sign * (x > y) - sign * (x < y);
    });
    body.append(...rows);
  });
}

// Which cells are shown.
const cells = all(".cell"), filters = all("[data-filter]");
function applyFilters() {
  for (const cell of cells) {
    cell.hidden = filters.some(select => select.value && cell.dataset[select.dataset.filter] !== select.value);
  }
  const shown = cells.filter(cell => !cell.hidden).length;
  document.getElementById("shown").textContent = `${shown} of ${cells.length} cells`;
}
for (const select of filters) select.addEventListener("change", applyFilters);
applyFilters();

// The marked detail: the same picture once more, larger, in a corner.
for (const frame of all(".row .frame")) {
  const picture = frame.querySelector("img"), mark = document.createElement("span");
  const inset = document.createElement("span"), copy = picture.cloneNode();
  mark.className = "mark";
  inset.className = "inset";
  copy.alt = "";
  inset.append(copy);
  frame.append(mark, inset);
}
document.getElementById("insets").addEventListener("change", event => {
  document.getElementById("pictures").classList.toggle("plain", !event.target.checked);
});

// The viewer: methods of one picture in place of one another.
const viewer = document.getElementById("viewer");
let current = null;
function show(tile) {
  current = tile;
  const row = tile.parentElement, stage = viewer.querySelector(".stage");
  stage.replaceChildren(tile.querySelector(".frame").cloneNode(true));
  for (const image of all("img", stage)) image.loading = "eager";
  stage.style.cssText = row.style.cssText;
  Object.assign(stage.dataset, row.dataset);
  stage.classList.toggle("plain", !document.getElementById("insets").checked);
  const score = all(".score [data-metric]", tile).find(part => !part.hidden);
  viewer.querySelector(".title").textContent =
    `${tile.dataset.image}: ${tile.dataset.name}` + (score ? `, ${score.textContent}` : "");
  viewer.querySelector(".tabs").replaceChildren(...[...row.children].map(other => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.textContent = other.dataset.name;
    tab.setAttribute("aria-pressed", String(other === tile));
    tab.addEventListener("click", () => show(other));
    return tab;
  }));
}
for (const tile of all(".tile")) {
  tile.addEventListener("click", () => { show(tile); viewer.showModal(); });
}
viewer.addEventListener("click", event => { if (event.target === viewer) viewer.close(); });
viewer.addEventListener("close", () => current && current.focus());
viewer.addEventListener("keydown", event => {
  const row = current.parentElement, column = [...row.children].indexOf(current);
  const next = {
    ArrowLeft: current.previousElementSibling,
    ArrowRight: current.nextElementSibling,
    ArrowUp: row.previousElementSibling?.children[column],
    ArrowDown: row.nextElementSibling?.children[column],
  }[event.key];
  if (!next) return;
  event.preventDefault();
  show(next);
});
