"use strict";
// What the gallery reads: blocks of JSON that stay text until they are asked for.
const TRUTH = "@truth", OBSERVATION = "@observation";

// Keep the results of the last calls, so that going back and forth is quick and memory bounded.
function remembering(read, most) {
  const kept = new Map();
  return key => {
    const value = kept.has(key) ? kept.get(key) : read(key);
    kept.delete(key);
    kept.set(key, value);
    if (kept.size > most) kept.delete(kept.keys().next().value);
    return value;
  };
}

function readBlock(id) {
  const element = byId(id);
  return element ? JSON.parse(element.textContent) : null;
}
const scoresOf = remembering(cell => readBlock(`scores-${cell}`), 3);
const thumbnailsOf = remembering(dataset => readBlock(`thumbnails-${dataset}`) ?? [], 2);
const pictureBlock = remembering(readBlock, 6);

class Catalogue {
  constructor(content) {
    Object.assign(this, content);
    this.quality = Object.keys(this.metrics).filter(name => this.metrics[name].quality);
  }
  datasetOf(cell) {
    return this.datasets.findIndex(dataset => dataset.key === this.cells[cell].dataset);
  }
  images(cell) { return this.datasets[this.datasetOf(cell)].images; }
  shown(cell) { return this.datasets[this.datasetOf(cell)].shown; }
  thumbnail(cell, image) { return thumbnailsOf(this.datasetOf(cell))[image] ?? null; }

  // What can lie on a side, in the order of the tables.
  versions(cell) {
    const known = this.datasets[this.datasetOf(cell)].truth;
    return [...(known ? [TRUTH] : []), OBSERVATION, ...this.cells[cell].labels];
  }

  // Size and detail of an image, or null where the page does not hold its pictures.
  truth(cell, image) { return pictureBlock(`truth-${this.datasetOf(cell)}-${image}`); }
  kernel(cell, image) { return pictureBlock(`pictures-${cell}-${image}`)?.kernel ?? null; }
  picture(cell, image, version) {
    if (version === TRUTH) return this.truth(cell, image)?.uri ?? null;
    return pictureBlock(`pictures-${cell}-${image}`)?.tiles[version] ?? null;
  }

  // Whether a metric can be computed in a cell: without a truth some cannot.
  isComputed(cell, metric) {
    return this.datasets[this.datasetOf(cell)].truth || metric in (scoresOf(cell)?.values ?? {});
  }

  // Why there is no restoration, or "".
  failure(cell, image, version) {
    return pictureBlock(`pictures-${cell}-${image}`)?.failures?.[version] ?? "";
  }

  // A number, or NaN where there is none.
  score(cell, image, version, metric) {
    const value = scoresOf(cell)?.values[metric]?.[version]?.[image];
    return value === null || value === undefined ? NaN : Number(value);
  }

  // What is compared of a score: itself, or its distance to the best value.
  compared(cell, image, version, metric) {
    const { target } = this.metrics[metric], value = this.score(cell, image, version, metric);
    return target === null ? value : Math.abs(value - target);
  }
  reason(cell, version, metric) { return scoresOf(cell)?.reasons[metric]?.[version] ?? ""; }
  printed(value, metric, sign = false) {
    if (isNaN(value)) return "";
    if (!isFinite(value)) return value > 0 ? "∞" : "−∞";
    const text = Math.abs(value).toFixed(this.metrics[metric].decimals);
    return (value < 0 ? "−" : sign ? "+" : "") + text;
  }
}
