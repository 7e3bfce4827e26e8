// What a public link shows, for a visitor without an account: a grid of photos, and one of them large.

import { Grid } from "../components/grid.js";
import { get } from "../lib/api.js";
import { showCovering } from "../lib/dialog_history.js";
import { byId, h, showError } from "../lib/dom.js";
import { _, ngettext } from "../lib/i18n.js";

/** @import { VisitedPhoto } from "../../../typings/api" */

const PAGE = 120;
const SWIPE_PX = 50;
/** @type {Record<string, number>} */
const STEPS = { ArrowRight: 1, ArrowLeft: -1 };

const path = { link_secret: byId("photos").dataset.secret ?? "" };
const dialog = byId("large", HTMLDialogElement);
const image = byId("large-image", HTMLImageElement);
const original = byId("original", HTMLAnchorElement);
/** @type {Grid<VisitedPhoto>} */
const grid = new Grid(byId("photos"), { load, tile, onerror: showError, onload });
let total = 0;
let shown = 0; // index of the large photo
let touchedAt = 0;

/** @param {number|null} after */
function load(after) {
  return get("/public/{link_secret}/photos", { path, query: { limit: PAGE, after } });
}

function onload() {
  byId("end").textContent = grid.photos.length ? "" : _("No photos to show here.");
}

/** @param {number} index */
const placeOf = (index) => _("Photo {n} of {total}", { n: index + 1, total });

/** @param {VisitedPhoto} photo @param {number} index */
function tile(photo, index) {
  const attributes = { alt: placeOf(index), loading: "lazy", decoding: "async", width: 256, height: 256 };
  const picture = h("img", { src: photo.thumbnail_url, ...attributes });
  return h("li", { "data-index": index }, h("button", { onclick: () => open(index) }, picture));
}

/** @param {number} index */
function open(index) {
  show(index);
  showCovering(dialog);
}

/** The thumbnail at once, the preview as soon as it is there. @param {number} index */
function show(index) {
  const photo = grid.photos[index];
  if (!photo) return;
  shown = index;
  image.src = photo.thumbnail_url;
  image.alt = placeOf(index);
  image.style.setProperty("--width", `${photo.width}px`);
  image.style.setProperty("--ratio", String(photo.width / photo.height));
  byId("place").textContent = placeOf(index);
  byId("previous").toggleAttribute("disabled", index === 0);
  byId("next").toggleAttribute("disabled", index + 1 >= total);
  original.hidden = photo.original_url === null;
  if (photo.original_url) original.href = photo.original_url;
  const large = new Image();
  large.onload = () => {
    if (shown === index) image.src = large.src;
  };
  large.src = photo.preview_url;
}

/** The next page is fetched before the last photo of this one is reached. @param {number} by */
async function step(by) {
  if (!grid.photos[shown + by + 1]) await grid.loadMore();
  show(shown + by);
}

dialog.addEventListener("keydown", (event) => {
  const by = STEPS[event.key];
  if (by) step(by).catch(showError);
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
dialog.addEventListener("close", () => grid.focus(shown));
image.addEventListener("touchstart", ({ touches: [touch] }) => (touchedAt = touch?.clientX ?? 0), { passive: true });
image.addEventListener("touchend", ({ changedTouches: [touch] }) => {
  const moved = (touch?.clientX ?? touchedAt) - touchedAt;
  if (Math.abs(moved) > SWIPE_PX) step(moved < 0 ? 1 : -1).catch(showError);
});
byId("previous").onclick = () => step(-1).catch(showError);
byId("next").onclick = () => step(1).catch(showError);
byId("close").onclick = () => dialog.close();

async function start() {
  const visit = await get("/public/{link_secret}", { path });
  total = visit.photos;
  byId("counts").textContent = ngettext("{n} photo", "{n} photos", total);
  if (visit.sketch_url) {
    byId("sketch-image", HTMLImageElement).src = visit.sketch_url;
    byId("sketch").hidden = false;
  }
  await grid.restart();
}

start().catch(showError);
