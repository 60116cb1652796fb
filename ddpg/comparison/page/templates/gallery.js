"use strict";
// The gallery: which cell, which image, which two versions, and their scores.
const option = (value, text) => make("option", { value, textContent: text });
const fill = (select, pairs) => select.replaceChildren(...pairs.map(pair => option(...pair)));
const unique = values => [...new Set(values)];

class Gallery extends PictureList {
  constructor(catalogue) {
    super(catalogue);
    this.viewer = new Viewer(byId("stage"));
    this.setUp();
    if (!this.readAddress()) this.open(this.firstCell());
    this.started = true; // from now on the address follows
  }

  // The noise level of most cells (of several, the highest) is shown first.
  firstCell() {
    const count = sigma => this.catalogue.cells.filter(cell => cell.sigma === sigma).length;
    const levels = unique(this.catalogue.cells.map(cell => cell.sigma));
    const best = levels.sort((a, b) => count(b) - count(a) || b - a)[0];
    return this.catalogue.cells.findIndex(cell => cell.sigma === best);
  }

  setUp() {
    const on = (id, event, action) => byId(id).addEventListener(event, action);
    const { datasets, metrics, quality } = this.catalogue;
    fill(byId("pick-dataset"), datasets.map(({ key, name }) => [key, name]));
    byId("pick-dataset").parentElement.hidden = datasets.length < 2;
    fill(byId("pick-metric"), quality.map(name => [name, `${metrics[name].label} ${metrics[name].arrow}`]));
    byId("embedded").parentElement.hidden = datasets.every(({ images, shown }) => images.length === shown.length);
    for (const id of ["pick-dataset", "pick-task", "pick-noise"]) on(id, "change", () => this.pickCell());
    on("pick-metric", "change", event => chooseMetric(event.target.value));
    document.addEventListener("metric", event => this.setMetric(event.detail));
    on("pick-left", "change", event => this.compare(event.target.value, this.right));
    on("pick-right", "change", event => this.compare(this.left, event.target.value));
    on("swap", "click", () => this.swap());
    on("save-left", "click", () => this.save(0));
    on("save-right", "click", () => this.save(1));
    on("link", "click", event => this.copyLink(event));
    on("previous", "click", () => this.step(-1));
    on("next", "click", () => this.step(1));
    for (const id of ["query", "order", "embedded"]) on(id, "input", () => this.list(0));
    on("back", "click", () => this.list(this.page - 1));
    on("forth", "click", () => this.list(this.page + 1));
    document.addEventListener("keydown", event => this.onKey(event));
    window.addEventListener("hashchange", () => this.readAddress());
  }

  // The cell that the three filters name; the nearest noise level where a task lacks one.
  pickCell() {
    const [dataset, task, noise] = ["pick-dataset", "pick-task", "pick-noise"].map(id => byId(id).value);
    const { cells } = this.catalogue;
    const ofDataset = cells.filter(cell => cell.dataset === dataset);
    const ofTask = ofDataset.filter(cell => cell.degradation === task);
    const distance = cell => Math.abs(cell.sigma - noise);
    const nearest = (ofTask.length ? ofTask : ofDataset).reduce((a, b) => (distance(b) < distance(a) ? b : a));
    this.open(cells.indexOf(nearest), this.catalogue.images(this.cell)[this.image]);
  }

  // Show a cell, and in it the image of this name, if it is there, or the first.
  open(number, name = null) {
    this.cell = number;
    const { catalogue } = this, versions = catalogue.versions(number);
    if (!versions.includes(this.left)) this.left = OBSERVATION;
    if (!versions.includes(this.right)) this.right = this.catalogue.cells[number].labels[0] ?? OBSERVATION;
    const index = catalogue.images(number).indexOf(name);
    this.image = index >= 0 ? index : catalogue.shown(number)[0] ?? 0;
    this.fillFilters();
    const pairs = versions.map(version => [version, catalogue.names[version]]);
    for (const side of ["left", "right"]) fill(byId(`pick-${side}`), pairs);
    this.list(0);
    this.show();
  }
  fillFilters() {
    const { cells } = this.catalogue, cell = cells[this.cell];
    const ofDataset = cells.filter(other => other.dataset === cell.dataset);
    const tasks = new Map(ofDataset.map(other => [other.degradation, other.title]));
    const levels = ofDataset.filter(other => other.degradation === cell.degradation).map(other => other.sigma);
    fill(byId("pick-task"), [...tasks]);
    fill(byId("pick-noise"), levels.sort((a, b) => a - b).map(sigma => [sigma, `σ = ${sigma}`]));
    byId("pick-dataset").value = cell.dataset;
    byId("pick-task").value = cell.degradation;
    byId("pick-noise").value = cell.sigma;
  }

  setMetric(metric) {
    this.metric = metric;
    byId("pick-metric").value = metric;
    this.film();
    this.list(this.page);
  }
  compare(left, right) {
    [this.left, this.right] = [left, right];
    this.list(this.page);
    this.show();
  }
  swap() { this.compare(this.right, this.left); }
  step(by) {
    const found = this.found(), place = found.indexOf(this.image);
    const next = found[place < 0 ? 0 : place + by];
    if (next !== undefined) this.choose(next);
  }
  choose(image) {
    this.image = image;
    const place = this.found().indexOf(image);
    this.list(place < 0 ? this.page : Math.floor(place / ON_PAGE));
    this.show();
  }

  show() {
    const { catalogue, cell, image } = this, sides = [this.left, this.right];
    byId("pick-left").value = this.left;
    byId("pick-right").value = this.right;
    const name = catalogue.images(cell)[image], { title, sigma, dataset_name } = catalogue.cells[cell];
    byId("title").textContent = name;
    byId("place").textContent = `${dataset_name}, ${title}, σ = ${sigma}`;
    const uris = sides.map(version => catalogue.picture(cell, image, version));
    const names = sides.map(version => `${catalogue.names[version]} of ${name}, ${title}, noise ${sigma}`);
    this.viewer.show(uris, names, catalogue.truth(cell, image));
    this.sayMissing(uris, sides);
    for (const id of ["save-left", "save-right"]) byId(id).disabled = uris.includes(null);
    this.showKernel();
    this.showScores(sides);
    this.film();
    this.writeAddress();
  }
  sayMissing(uris, sides) {
    const { catalogue, cell, image } = this, note = byId("missing");
    note.hidden = uris.every(uri => uri !== null);
    if (note.hidden) return;
    const without = sides.filter((_, side) => uris[side] === null);
    const absent = without.map(version => catalogue.names[version]);
    const failures = without.filter(version => catalogue.failure(cell, image, version))
      .map(version => `${catalogue.names[version]}${version === OBSERVATION ? "" : " failed"}: ` +
        `${catalogue.failure(cell, image, version)}.`);
    if (failures.length) {
      note.textContent = failures.join(" ");
      return;
    }
    const shown = catalogue.shown(cell).length, images = catalogue.images(cell).length;
    note.textContent = catalogue.shown(cell).includes(image)
      ? `There is no picture of this image by ${absent.join(" or ")}.`
      : `The page holds the scores of this image, but no pictures of it: ${shown} of ${images} images have theirs.`;
  }
  showKernel() {
    const uri = this.catalogue.kernel(this.cell, this.image), image = byId("kernel").querySelector("img");
    byId("kernel").hidden = uri === null;
    if (uri === null) image.removeAttribute("src");
    else image.src = uri;
  }

  showScores([left, right]) {
    const { names, metrics } = this.catalogue, table = byId("scores");
    const heads = ["Score", names[left], names[right], "Difference"];
    const cells = heads.map(textContent => make("th", { scope: "col", textContent }));
    table.tHead.replaceChildren(make("tr", {}, ...cells));
    const shown = Object.keys(metrics).filter(metric => this.catalogue.isComputed(this.cell, metric));
    table.tBodies[0].replaceChildren(...shown.map(metric => this.scoreRow(metric, left, right)));
  }
  scoreRow(metric, left, right) {
    const { catalogue, cell, image } = this, { label, arrow, direction } = catalogue.metrics[metric];
    const [a, b] = [left, right].map(version => catalogue.score(cell, image, version, metric));
    const [from, to] = [left, right].map(version => catalogue.compared(cell, image, version, metric));
    const gain = direction * (to - from);
    const number = (version, value, better) => make("td", {
      textContent: catalogue.printed(value, metric) || "—",
      title: isNaN(value) ? catalogue.reason(cell, version, metric) : "",
      className: better ? "best" : "",
    });
    const change = make("td", {
      textContent: catalogue.printed(b - a, metric, true),
      className: gain > 0 ? "better" : gain < 0 ? "worse" : "",
    });
    const head = make("th", { scope: "row", textContent: `${label} ${arrow}` });
    return make("tr", {}, head, number(left, a, gain < 0), number(right, b, gain > 0), change);
  }

  // All versions of the image; a click puts one on the right, with Shift on the left.
  film() {
    byId("film").replaceChildren(...this.catalogue.versions(this.cell).map(version => this.tile(version)));
  }
  tile(version) {
    const { catalogue, cell, image } = this, name = catalogue.names[version];
    const uri = catalogue.picture(cell, image, version);
    const sides = [["left", this.left], ["right", this.right]].filter(([, v]) => v === version).map(([s]) => s);
    const frame = make("span", { className: "frame" });
    const failure = catalogue.failure(cell, image, version);
    if (uri !== null) frame.append(make("img", { src: uri, alt: "", loading: "lazy" }));
    else if (failure) frame.append(make("span", { className: "failure", textContent: version === OBSERVATION ? failure : `failed: ${failure}` }));
    if (sides.length) frame.append(make("span", { className: "badge", textContent: sides.join(", ") }));
    const score = make("small", { textContent: this.scoreText(image, version) });
    const tile = make("button", { type: "button", className: "tile" }, frame, make("span", { textContent: name }), score);
    tile.dataset.version = version;
    tile.setAttribute("aria-pressed", String(version === this.right));
    tile.addEventListener("click", event => {
      if (event.shiftKey) this.compare(version, this.right);
      else this.compare(this.left, version);
      all(".tile", byId("film")).find(other => other.dataset.version === version)?.focus({ preventScroll: true });
    });
    return tile;
  }

  // Keys count inside the gallery, and anywhere on the page while the pictures are in sight.
  onKey(event) {
    const { target } = event, inside = byId("gallery").contains(target);
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest("select, input")) return;
    if (!inside && (target !== document.body || !this.inSight())) return;
    const action = actionOf(this, event);
    if (!action) return;
    event.preventDefault();
    action();
  }
  inSight() {
    const box = byId("stage").getBoundingClientRect();
    return box.bottom > 0 && box.top < innerHeight;
  }
  turn(by) {
    const versions = this.catalogue.versions(this.cell), { length } = versions;
    this.compare(this.left, versions[(versions.indexOf(this.right) + by + length) % length]);
  }

  // The address names what is shown, so that it can be sent to somebody who has the file.
  writeAddress() {
    if (!this.started) return;
    const cell = this.catalogue.cells[this.cell], name = this.catalogue.images(this.cell)[this.image];
    const parts = [cell.dataset, cell.degradation, cell.sigma, name, this.left, this.right];
    history.replaceState(null, "", `#view/${parts.map(encodeURIComponent).join("/")}`);
    byId("link").href = location.href;
  }

  // Where nothing may be copied the link goes where it leads: the address bar has it then.
  async copyLink(event) {
    this.writeAddress();
    if (!navigator.clipboard) return;
    event.preventDefault();
    const link = byId("link"), text = link.textContent;
    try {
      await navigator.clipboard.writeText(link.href);
    } catch {
      return;
    }
    link.textContent = "Link copied";
    setTimeout(() => { link.textContent = text; }, 2000);
  }

  // One of both pictures in its own size, named after what it is.
  save(side) {
    const { catalogue, cell, image, viewer } = this, version = [this.left, this.right][side];
    const { degradation, sigma } = catalogue.cells[cell], picture = viewer.panes[side];
    const name = [catalogue.images(cell)[image], degradation, sigma, catalogue.names[version]].join("_");
    const { naturalWidth: width, naturalHeight: height } = picture;
    const canvas = make("canvas", { width, height });
    canvas.getContext("2d").drawImage(picture, 0, 0);
    make("a", { href: canvas.toDataURL("image/png"), download: `${name.replace(/[^\w.-]+/g, "-")}.png` }).click();
  }
  readAddress() {
    const parts = location.hash.split("/");
    if (parts[0] !== "#view" || parts.length !== 7) return false;
    const [, dataset, degradation, sigma, name, left, right] = parts.map(decoded);
    const cell = this.catalogue.cells.findIndex(other =>
      other.dataset === dataset && other.degradation === degradation && other.sigma === sigma);
    if (cell < 0) return false;
    [this.left, this.right] = [left, right];
    this.open(cell, name);
    byId("gallery").scrollIntoView({ behavior: "instant" });
    return true;
  }
}

// The blocks stand after the scripts, so that the tables work while they are read.
document.addEventListener("DOMContentLoaded", () => {
  const catalogue = new Catalogue(readBlock("catalogue"));
  if (catalogue.cells.length) window.comparison = new Gallery(catalogue);
  else byId("gallery").hidden = true;
  byId("gallery").setAttribute("aria-busy", "false");
});
