// The page of one collection: an endless grid of its photos, one to look at, many to change.

import { categoryDialog, dateDialog, deleteDialog, download, moveDialog } from "../components/bulk_actions.js";
import { Grid } from "../components/grid.js";
import { failedSentence, waitingSentence } from "../components/photo_states.js";
import { Selection, selectedCount } from "../components/selection.js";
import { closeViewer, openViewer, photoTile } from "../components/viewer.js";
import { call, get } from "../lib/api.js";
import { byId, h, setDisabled, showError, toast } from "../lib/dom.js";
import { formatCategory } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";

/** @import { Collection, Photo } from "../../../typings/api" */

const PAGE = 120;
const POLL_MS = 2000;
const POLL_SHARE = 20; // a large collection takes longer to count: the server is asked one twentieth of the time
const TOP_SCREENS = 2;

const id = Number(byId("photos").dataset.collection);
const category = byId("category", HTMLSelectElement);
const state = byId("state", HTMLSelectElement);
const until = byId("until", HTMLInputElement);
/** @type {Collection|null} */
let collection = null;

const grid = new Grid(byId("photos"), { load, tile, onerror: showError, onload: refreshEnd });
const selection = new Selection(grid, refreshToolbar);

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
}

/** @param {Photo} photo @param {number} index */
function tile(photo, index) {
  const made = photoTile(photo, noteOn(photo), index, (event) => {
    if (!selection.click(index, event)) open(photo);
  });
  selection.mark(made, photo);
  return made;
}

/** @param {Photo} photo */
function noteOn(photo) {
  if (photo.state === "failed") return _("Failed: {reason}", { reason: photo.error ?? "" });
  return photo.state === "indexed" ? photo.filename : _("being prepared for searching");
}

/** @param {Photo} photo */
async function open(photo) {
  await firstCounts; // photos may be there before it is known whose they are
  const actions = [];
  if (collection?.mine) {
    if (photo.state === "failed") actions.push(h("button", { onclick: () => retry(photo) }, _("Try again")));
    actions.push(h("button", { onclick: () => editDate(photo) }, _("Date…")));
    actions.push(h("button", { onclick: () => editCategory(photo) }, _("Category…")));
    actions.push(h("button", { class: "danger", onclick: () => remove(photo) }, _("Delete")));
  }
  openViewer(photo, ...actions);
}

/** @param {Photo} photo */
function editDate(photo) {
  dateDialog([photo], (taken) => showChanged(Object.assign(photo, taken)));
}

/** @param {Photo} photo */
function editCategory(photo) {
  categoryDialog([photo.id], categoryNames(), (name) => {
    photo.category = name;
    showChanged(photo);
    category.length = 1;
    refreshCounts().catch(showError);
  });
}

/** In the viewer and, where it is there, in the grid. @param {Photo} photo */
function showChanged(photo) {
  closeViewer();
  const inGrid = grid.photos.find(({ id }) => id === photo.id);
  if (inGrid) Object.assign(inGrid, photo);
  grid.redraw();
  open(photo).catch(showError);
}

/** @param {Photo} photo */
async function retry(photo) {
  closeViewer();
  try {
    await call("POST", "/photos/{photo_id}/retry", { path: { photo_id: photo.id } });
    toast(_("It is tried again."));
    await refreshCounts();
  } catch (error) {
    showError(error);
  }
}

/** @param {Photo} photo */
async function remove(photo) {
  closeViewer();
  try {
    await call("DELETE", "/photos/{photo_id}", { path: { photo_id: photo.id } });
    toast(_("The photo is in the trash."));
    removeFromGrid([photo.id]);
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
  if (category.options.length === 1) category.append(...collection.categories.map(categoryOption));
  refreshToolbar();
  if (!waiting) return;
  const took = performance.now() - began;
  setTimeout(() => refreshCounts().catch(showError), Math.max(POLL_MS, POLL_SHARE * took));
}

/** @param {Collection["categories"][number]} category */
const categoryOption = ({ id, name, photos }) => h("option", { value: id }, `${formatCategory(name)} (${photos})`);

function refreshToolbar() {
  const editing = ["set-date", "set-category", "move", "delete"];
  byId("select").hidden = selection.active;
  byId("chosen").hidden = !selection.active;
  byId("chosen-count").textContent = selectedCount(selection.ids.size);
  for (const name of editing) byId(name).hidden = !collection?.mine;
  setDisabled(!selection.ids.size, ...editing, "download");
}

/** They are not in this collection any more. @param {number[]} ids */
function removeFromGrid(ids) {
  const removed = new Set(ids);
  grid.photos = grid.photos.filter((photo) => !removed.has(photo.id));
  grid.redraw();
  selection.clear();
  refreshEnd();
  refreshCounts().catch(showError);
}

/** @param {string|null} name of the category the selected photos have now */
function relabelSelected(name) {
  for (const photo of grid.photos) {
    if (selection.ids.has(photo.id)) photo.category = name;
  }
  grid.redraw();
  category.length = 1;
  refreshCounts().catch(showError);
}

/** @param {Partial<Photo>} taken */
function dateSelected(taken) {
  for (const photo of selectedPhotos()) Object.assign(photo, taken);
}

async function moveSelected() {
  const { collections } = await get("/collections");
  const targets = collections.filter((each) => each.mine && each.id !== id);
  moveDialog(selectedIds(), targets, removeFromGrid);
}

const selectedIds = () => [...selection.ids];
const selectedPhotos = () => grid.photos.filter(({ id }) => selection.ids.has(id));
const categoryNames = () => collection?.categories.map(({ name }) => name) ?? [];

byId("select").onclick = () => selection.start();
byId("all").onclick = () => selection.selectAll();
byId("done").onclick = () => selection.stop();
byId("download").onclick = () => download(selectedIds());
byId("delete").onclick = () => deleteDialog(selectedIds(), () => removeFromGrid(selectedIds()));
byId("set-category").onclick = () => categoryDialog(selectedIds(), categoryNames(), relabelSelected);
byId("set-date").onclick = () => dateDialog(selectedPhotos(), dateSelected);
byId("move").onclick = () => moveSelected().catch(showError);
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

grid.restart();
const firstCounts = refreshCounts().catch(showError);
const wanted = Number(new URLSearchParams(location.search).get("photo"));
if (wanted)
  get("/photos/{photo_id}", { path: { photo_id: wanted } })
    .then(open)
    .catch(showError);
