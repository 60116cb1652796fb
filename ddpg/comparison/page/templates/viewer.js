"use strict";
// The two pictures under the slider, and the zoom that they share.
const MOST_ZOOM = 32, PIXELATED_FROM = 3;

class Viewer {
  constructor(stage) {
    this.stage = stage;
    this.slider = byId("slider");
    this.panes = [byId("left"), byId("right")];
    this.pointers = new Map();
    this.zoom = 1;
    this.x = this.y = 0; // the left upper corner of the picture, in widths and heights of the pane
    this.listen();
  }

  // Show two pictures; null for what the page does not hold.
  show(uris, names, truth) {
    const missing = uris.some(uri => uri === null);
    this.slider.hidden = missing;
    this.detail = missing ? null : truth;
    if (!missing) this.setSize(truth.width, truth.height);
    this.panes.forEach((image, side) => {
      image.alt = missing ? "" : names[side];
      if (missing) image.removeAttribute("src");
      else if (image.getAttribute("src") !== uris[side]) image.src = uris[side];
    });
    this.apply();
  }
  setSize(width, height) {
    this.stage.style.setProperty("--w", width);
    this.stage.style.setProperty("--h", height);
  }

  listen() {
    this.slider.addEventListener("slide", () => { byId("divider").value = this.slider.value; });
    byId("divider").addEventListener("input", event => { this.slider.value = event.target.value; });
    this.slider.addEventListener("wheel", event => this.onWheel(event), { passive: false });
    this.slider.addEventListener("pointerdown", event => this.onPointer(event));
    for (const name of ["pointermove", "pointerup", "pointercancel"]) {
      window.addEventListener(name, event => this.onPointer(event));
    }
    for (const image of this.panes) image.addEventListener("load", () => this.apply());
    new ResizeObserver(() => this.apply()).observe(this.slider);
    for (const button of all("[data-zoom]")) {
      button.addEventListener("click", () => this.zoomBy(Number(button.dataset.zoom)));
    }
    byId("fit").addEventListener("click", () => this.fit());
    byId("detail").addEventListener("click", () => this.toDetail());
  }

  moveDivider(by) {
    this.slider.value = Math.min(100, Math.max(0, Number(this.slider.value) + by));
    byId("divider").value = this.slider.value;
  }

  // Zoom around a point of the pane (0 to 1), which stays where it is.
  zoomBy(factor, u = 0.5, v = 0.5) {
    const zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * factor)), ratio = zoom / this.zoom;
    this.x = u - (u - this.x) * ratio;
    this.y = v - (v - this.y) * ratio;
    this.zoom = zoom;
    this.apply();
  }
  fit() {
    this.zoom = 1;
    this.apply();
  }
  toDetail() {
    if (!this.detail) return;
    const { width, height, detail } = this.detail;
    this.zoom = Math.min(MOST_ZOOM, Math.max(1, Math.min(width, height) / (1.5 * detail.side)));
    this.x = 0.5 - this.zoom * (detail.left + detail.side / 2) / width;
    this.y = 0.5 - this.zoom * (detail.top + detail.side / 2) / height;
    this.apply();
  }

  // Both pictures follow the same three numbers.
  apply() {
    const clamp = value => Math.min(0, Math.max(1 - this.zoom, value));
    this.x = clamp(this.x);
    this.y = clamp(this.y);
    this.slider.style.setProperty("--zoom", this.zoom);
    this.slider.style.setProperty("--x", `${100 * this.x}%`);
    this.slider.style.setProperty("--y", `${100 * this.y}%`);
    this.slider.handle = this.zoom > 1; // whole: drag anywhere; zoomed: the grip, the rest moves
    this.slider.classList.toggle("zoomed", this.zoom > 1);
    for (const image of this.panes) this.choosePixels(image);
    byId("zoom").textContent = `${Number(this.zoom.toFixed(1))}×`;
  }
  choosePixels(image) {
    const magnified = (image.clientWidth * this.zoom) / (image.naturalWidth || Infinity);
    image.classList.toggle("pixelated", magnified >= PIXELATED_FROM);
  }

  // The wheel zooms; where it cannot zoom further it scrolls the page.
  onWheel(event) {
    const factor = Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002));
    if (factor < 1 ? this.zoom <= 1 : this.zoom >= MOST_ZOOM) return;
    event.preventDefault();
    this.zoomBy(factor, ...this.inPane(event.clientX, event.clientY));
  }
  inPane(x, y) {
    const box = this.slider.getBoundingClientRect();
    return [(x - box.left) / box.width, (y - box.top) / box.height];
  }

  // One pointer moves the zoomed picture, two zoom it.
  onPointer(event) {
    const before = this.pointers.get(event.pointerId), now = { x: event.clientX, y: event.clientY };
    if (event.type === "pointerdown") {
      if (event.button === 0 && !this.onGrip(event)) this.pointers.set(event.pointerId, now);
    } else if (before && event.type === "pointermove") {
      this.pointers.set(event.pointerId, now);
      if (this.pointers.size === 2) this.pinch(event.pointerId, before, now);
      else if (this.zoom > 1) this.pan(before, now);
    } else if (before) this.pointers.delete(event.pointerId);
  }
  onGrip(event) {
    const box = this.slider.querySelector(".grip").getBoundingClientRect();
    const { clientX: x, clientY: y } = event;
    return x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
  }
  pan(before, now) {
    const box = this.slider.getBoundingClientRect();
    this.x += (now.x - before.x) / box.width;
    this.y += (now.y - before.y) / box.height;
    this.apply();
  }
  pinch(moved, before, now) {
    const other = [...this.pointers].find(([id]) => id !== moved)[1];
    const distance = point => Math.hypot(point.x - other.x, point.y - other.y) || 1;
    const middle = this.inPane((now.x + other.x) / 2, (now.y + other.y) / 2);
    this.zoomBy(distance(now) / distance(before), ...middle);
  }
}
