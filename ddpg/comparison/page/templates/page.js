"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const byId = id => document.getElementById(id);

// An element with properties and children.
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// One metric at a time, in the tables and in the gallery, which listens to the event.
function chooseMetric(metric) {
  for (const part of all("#tables [data-metric]")) part.hidden = part.dataset.metric !== metric;
  for (const radio of all("input[name=metric]")) radio.checked = radio.value === metric;
  for (const view of all(".view")) {
    view.querySelector(".absent").hidden = all("[data-metric]:not([hidden])", view).length > 0;
  }
  document.dispatchEvent(new CustomEvent("metric", { detail: metric }));
}
for (const radio of all("input[name=metric]")) {
  radio.addEventListener("change", () => chooseMetric(radio.value));
}

// One data set, or all of them.
for (const radio of all("input[name=dataset]")) {
  radio.addEventListener("change", () => {
    for (const view of all(".view")) {
      view.hidden = radio.value !== "" && view.dataset.dataset !== radio.value;
    }
  });
}

// Sorting: best first, then the other way round; what has no value stays last.
function nextOrder(head) {
  const first = head.dataset.direction === "1" ? "descending" : "ascending";
  const second = first === "ascending" ? "descending" : "ascending";
  return head.getAttribute("aria-sort") === first ? second : first;
}

function compareNumbers(x, y, sign) {
  if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
  return sign * ((x > y) - (x < y));
}

function sortBy(head) {
  const table = head.closest("table"), body = table.tBodies[0];
  const column = [...head.parentElement.children].indexOf(head);
  const order = nextOrder(head), sign = order === "ascending" ? 1 : -1;
  for (const other of all("th[aria-sort]", table)) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", order);
  const value = row => parseFloat(row.children[column].dataset.value.replace("inf", "Infinity"));
  body.append(...[...body.rows].sort((a, b) => compareNumbers(value(a), value(b), sign)));
}
for (const button of all("#tables th button")) {
  button.addEventListener("click", () => sortBy(button.parentElement));
}

// Light or dark: what the system says, until the button is pressed.
const theme = byId("theme"), systemDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (systemDark.matches ? "dark" : "light")) === "dark";
const nameTheme = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
theme.hidden = false;
theme.addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  nameTheme();
});
systemDark.addEventListener("change", nameTheme);
nameTheme();
