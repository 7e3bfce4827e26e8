// The page of one collection: an endless grid of its photos, one to look at, many to change.

import { Grid } from "../components/grid.js";
import { failedSentence, waitingSentence } from "../components/photo_states.js";
import { PhotoToolbar, photoActions } from "../components/photo_toolbar.js";
import { Selection } from "../components/selection.js";
import { idOf, openViewer, photoTile, refreshViewer, sourceOf } from "../components/viewer.js";
import { call, get } from "../lib/api.js";
import { byId, h, showError, toast } from "../lib/dom.js";
import { formatCategory, formatTaken } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";

/** @import { Collection, Photo } from "../../../typings/api" */
/** @import { AnyPhoto } from "../components/viewer.js" */

const PAGE = 120;
const POLL_MS = 2000;
const POLL_SHARE = 20; // a large collection takes longer to count: the server is asked one twentieth of the time
const TOP_SCREENS = 2;
const NOTHING = "\u00a0"; // as high as a line: all tiles are

const id = Number(byId("photos").dataset.collection);
const category = byId("category", HTMLSelectElement);
const state = byId("state", HTMLSelectElement);
const until = byId("until", HTMLInputElement);
/** @type {Collection|null} */
let collection = null;

const grid = new Grid(byId("photos"), { load, tile, onerror: showError, onload: refreshEnd });
const selection = new Selection(grid, () => toolbar.refresh());
const act = photoActions({ onchange, onmove: onremove, onremove, onreturn });
const toolbar = new PhotoToolbar(selection, () => grid.photos, act);
const source = sourceOf(() => grid.photos, {
  total: () => (grid.complete ? grid.photos.length : null),
  reach: (index) => grid.reach(index),
  focus: (index) => grid.focus(index),
  buttons,
  act,
});
/** @type {Photo[]} what the address names, if it is not in the grid */
let named = [];
let categoriesShown = false;
let removedIn = 0; // which filling of the grid photos were last taken out of
/** @type {Photo[]} */
let removed = [];

/** @param {number|null} after */
function load(after) {
  const query = {
    limit: PAGE,
    after,
    category_id: category.value ? Number(category.value) : null,
    state: /** @type {Photo["state"]|null} */ (state.value || null),
    before: until.value ? dayAfter(until.value) : null,
  };
  return get("/collections/{collection_id}/photos", { path: { collection_id: id }, query });
}

/** The moment the next day begins where this person is. @param {string} day as `2026-11-23` */
function dayAfter(day) {
  const moment = new Date(`${day}T00:00`);
  moment.setDate(moment.getDate() + 1);
  return moment.toISOString();
}

function refreshEnd() {
  byId("end").textContent = grid.photos.length ? "" : _("No photos to show here.");
  toolbar.refresh();
}

/** @param {Photo} photo @param {number} index */
function tile(photo, index) {
  const made = photoTile(photo, noteOn(photo), index, (event) => {
    if (!selection.click(index, event)) openViewer(source, index);
  });
  selection.mark(made, photo);
  return made;
}

/** @param {Photo} photo */
function noteOn(photo) {
  if (photo.state === "failed") return _("Failed: {reason}", { reason: photo.error ?? "" });
  if (photo.state !== "indexed") return _("being prepared for searching");
  if (photo.category) return photo.filename;
  return photo.taken_at ? formatTaken(photo.taken_at) : NOTHING; // its name stands above already
}

/** @param {AnyPhoto} photo */
function buttons(photo) {
  if (!("state" in photo) || photo.state !== "failed" || !photo.may_change) return [];
  return [{ icon: /** @type {const} */ ("again"), label: _("Try again"), run: () => retry(photo) }];
}

/** @param {Photo} photo */
async function retry(photo) {
  try {
    await call("POST", "/photos/{photo_id}/retry", { path: { photo_id: photo.id } });
    Object.assign(photo, { state: "pending", error: null });
    toast(_("It is tried again."));
    onchange([photo]);
  } catch (error) {
    showError(error);
  }
}

async function refreshCounts() {
  const began = performance.now();
  collection = await get("/collections/{collection_id}", { path: { collection_id: id } });
  const { pending, leased, failed } = collection.embedding;
  const waiting = pending + leased;
  const notes = [ngettext("{n} photo", "{n} photos", collection.photos)];
  if (waiting) notes.push(waitingSentence(waiting));
  if (failed) notes.push(failedSentence(failed));
  byId("counts").textContent = notes.join(" · ");
  if (!categoriesShown) showCategories(collection.categories);
  if (!waiting) return;
  const took = performance.now() - began;
  setTimeout(() => refreshCounts().catch(showError), Math.max(POLL_MS, POLL_SHARE * took));
}

/** What is chosen stays chosen. @param {Collection["categories"]} categories */
function showCategories(categories) {
  const { value } = category;
  category.length = 1;
  category.append(...categories.map(categoryOption));
  if (categories.some(({ id }) => String(id) === value)) category.value = value;
  categoriesShown = true;
}

/** @param {Collection["categories"][number]} category */
const categoryOption = ({ id, name, photos }) => h("option", { value: id }, `${formatCategory(name)} (${photos})`);

/** In the viewer and, where they are there, in the grid. @param {AnyPhoto[]} photos */
function onchange(photos) {
  const changed = new Map(photos.map((photo) => [idOf(photo), photo]));
  for (const photo of grid.photos) Object.assign(photo, changed.get(photo.id));
  shownAnew();
}

/** They are not in this collection any more. @param {AnyPhoto[]} photos */
function onremove(photos) {
  const gone = new Set(photos.map(idOf));
  removed = grid.photos.filter(({ id }) => gone.has(id));
  removedIn = grid.generation;
  grid.photos = grid.photos.filter(({ id }) => !gone.has(id));
  named = named.filter(({ id }) => !gone.has(id));
  shownAnew();
}

/** They are here again; the newest come first. @param {AnyPhoto[]} photos */
function onreturn(photos) {
  const ids = new Set(photos.map(idOf));
  const back = removed.filter(({ id }) => ids.has(id));
  if (removedIn !== grid.generation) grid.restart();
  else grid.photos = [...grid.photos, ...back].sort((one, other) => other.id - one.id);
  if (!back.length) named = photos.filter((photo) => "id" in photo);
  shownAnew(photos[0] && idOf(photos[0]));
}

/** @param {number} [id] of the photo the viewer shows from now on */
function shownAnew(id) {
  grid.redraw();
  selection.prune();
  refreshEnd();
  refreshViewer(id);
  categoriesShown = false;
  refreshCounts().catch(showError);
}

for (const field of [category, state, until]) {
  field.onchange = () => {
    selection.clear();
    grid.restart();
  };
}
byId("top").onclick = () => {
  scrollTo({ top: 0 });
  byId("select").focus({ preventScroll: true });
};
addEventListener("scroll", () => (byId("top").hidden = scrollY < TOP_SCREENS * innerHeight), { passive: true });

/** The photo the address names, among the others if it is one of the first. @param {number} wanted its id */
async function openNamed(wanted) {
  await grid.reach(0);
  const index = source.indexOf(wanted);
  if (index >= 0) return openViewer(source, index);
  named = [await get("/photos/{photo_id}", { path: { photo_id: wanted } })];
  return openViewer(
    sourceOf(() => named, { buttons, act }),
    0,
  );
}

grid.restart();
refreshCounts().catch(showError);
const wanted = Number(new URLSearchParams(location.search).get("photo"));
if (wanted) openNamed(wanted).catch(showError);
