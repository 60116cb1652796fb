"use strict";
// The list of images: filtered, ordered, a page at a time.
const ON_PAGE = 24;

class PictureList {
  constructor(catalogue) {
    this.catalogue = catalogue;
    this.metric = catalogue.quality[0] ?? null;
    this.page = 0;
    this.cell = 0;
    this.image = 0;
    this.left = OBSERVATION;
    this.right = catalogue.cells[0].labels[0];
  }

  scoreText(image, version) {
    const { catalogue, cell } = this, { quality } = catalogue;
    // The chosen metric; of observations without a truth one that they have.
    const metric = [this.metric, ...quality].find(name => name !== null && catalogue.isComputed(cell, name));
    if (metric === undefined) return "";
    const text = catalogue.printed(catalogue.score(cell, image, version, metric), metric);
    const own = metric === this.metric ? "" : `${catalogue.metrics[metric].label} `;
    return text && `${own}${text} ${catalogue.metrics[metric].unit}`.trim();
  }

  // The images that the list's filters let through, in its order.
  found() {
    const { catalogue, cell, metric } = this, query = byId("query").value.trim().toLowerCase();
    const shown = new Set(catalogue.shown(cell)), onlyShown = shown.size > 0 && byId("embedded").checked;
    const found = [...catalogue.images(cell).keys()].filter(image =>
      (!onlyShown || shown.has(image)) && catalogue.images(cell)[image].toLowerCase().includes(query));
    const order = byId("order").value;
    if (!order || metric === null) return found;
    const score = (image, version) => catalogue.compared(cell, image, version, metric);
    const value = {
      best: image => score(image, this.right), worst: image => -score(image, this.right),
      gain: image => score(image, this.right) - score(image, this.left),
      loss: image => score(image, this.left) - score(image, this.right),
    }[order];
    const keys = new Map(found.map(image => [image, catalogue.metrics[metric].direction * value(image)]));
    return found.sort((a, b) => compareNumbers(keys.get(a), keys.get(b), -1));
  }
  list(page) {
    const found = this.found(), pages = Math.max(1, Math.ceil(found.length / ON_PAGE));
    this.page = Math.min(pages - 1, Math.max(0, page));
    const part = found.slice(this.page * ON_PAGE, (this.page + 1) * ON_PAGE);
    byId("list").replaceChildren(...part.map(image => this.item(image)));
    byId("count").textContent = `${found.length} of ${this.catalogue.images(this.cell).length} images`;
    byId("pages").textContent = `page ${this.page + 1} of ${pages}`;
    byId("back").disabled = this.page === 0;
    byId("forth").disabled = this.page === pages - 1;
    all(".pager")[0].hidden = pages === 1;
  }
  item(image) {
    const { catalogue, cell } = this, name = catalogue.images(cell)[image];
    const uri = catalogue.thumbnail(cell, image) ?? (catalogue.shown(cell).includes(image) ? catalogue.picture(cell, image, TRUTH) : null);
    const face = uri === null ? make("span", { className: "face" }) : make("img", { className: "face", src: uri, alt: "", loading: "lazy" });
    const score = make("small", { textContent: this.scoreText(image, this.right) });
    const item = make("button", { type: "button", className: "item", title: name }, face, make("span", {}, make("b", { textContent: name }), score));
    item.dataset.image = image;
    item.setAttribute("aria-pressed", String(image === this.image));
    item.addEventListener("click", () => {
      this.choose(image);
      all(".item").find(other => Number(other.dataset.image) === image)?.focus({ preventScroll: true });
    });
    return item;
  }
}
