"use strict";
// What the keys do, and what the address says.

// A part of the address, as it is where it is not well encoded.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

function actionOf(gallery, { key, shiftKey, target }) {
  const { viewer } = gallery;
  if (shiftKey && key.startsWith("Arrow")) {
    return { ArrowLeft: () => viewer.moveDivider(-5), ArrowRight: () => viewer.moveDivider(5) }[key];
  }
  if (byId("stage").contains(target) && (key === "ArrowUp" || key === "ArrowDown")) {
    return () => gallery.turn(key === "ArrowUp" ? -1 : 1);
  }
  return {
    ArrowLeft: () => gallery.step(-1), ArrowRight: () => gallery.step(1),
    s: () => gallery.swap(), S: () => gallery.swap(),
    "+": () => viewer.zoomBy(2), "=": () => viewer.zoomBy(2), "-": () => viewer.zoomBy(0.5),
    0: () => viewer.fit(), d: () => viewer.toDetail(), D: () => viewer.toDetail(),
  }[key];
}
