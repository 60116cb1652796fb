"use strict";
// One picture at a time under the slider, any two of its versions.
class Look {
  constructor(pictures) {
    this.pictures = pictures;
    this.viewer = new Viewer(byId("stage"));
    this.sides = [byId("pick-left"), byId("pick-right")];
    for (const side of this.sides) side.addEventListener("change", () => this.draw());
    byId("swap").addEventListener("click", () => this.swap());
    document.addEventListener("keydown", event => this.onKey(event));
    this.buttons = pictures.map((picture, number) => this.button(picture, number));
    byId("film").append(...this.buttons);
    byId("film").hidden = pictures.length < 2;
    this.open(0);
  }

  button(picture, number) {
    const face = make("span", { className: "frame" }, make("img", { src: picture.thumbnail, alt: "" }));
    const button = make("button", { type: "button", className: "tile" }, face, make("span", { textContent: picture.name }));
    button.addEventListener("click", () => this.open(number));
    return button;
  }

  open(number) {
    this.number = number;
    const { name, note, versions } = this.pictures[number];
    this.buttons.forEach((button, own) => button.setAttribute("aria-pressed", own === number));
    byId("title").textContent = name;
    byId("note").textContent = note;
    this.sides.forEach((side, place) => {
      side.replaceChildren(...versions.map((version, value) => make("option", { value, textContent: version.name })));
      side.value = place;
    });
    this.viewer.fit();
    this.draw();
  }
  step(by) {
    this.open((this.number + by + this.pictures.length) % this.pictures.length);
  }
  swap() {
    [this.sides[0].value, this.sides[1].value] = [this.sides[1].value, this.sides[0].value];
    this.draw();
  }
  draw() {
    const picture = this.pictures[this.number];
    const chosen = this.sides.map(side => picture.versions[Number(side.value)]);
    this.viewer.show(chosen.map(version => version.uri), chosen.map(version => `${picture.name}: ${version.name}`), picture);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || ["INPUT", "SELECT"].includes(event.target.tagName)) return;
    const { key, shiftKey } = event, turn = { ArrowLeft: -1, ArrowRight: 1 }[key];
    const action = turn ? () => (shiftKey ? this.viewer.moveDivider(5 * turn) : this.step(turn)) : {
      s: () => this.swap(), S: () => this.swap(),
      "+": () => this.viewer.zoomBy(2), "=": () => this.viewer.zoomBy(2), "-": () => this.viewer.zoomBy(0.5),
      0: () => this.viewer.fit(), d: () => this.viewer.toDetail(), D: () => this.viewer.toDetail(),
    }[key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}
new Look(JSON.parse(byId("pictures").textContent));
