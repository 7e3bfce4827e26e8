// The page of one collection: an endless grid of its photos, one to look at, many to change.

import { call, get } from "../lib/api.js";
import { byId, make, say } from "../lib/dom.js";
import { Grid } from "../components/grid.js";
import { askCategory, askDelete, askTarget, download, Selection } from "../components/selection.js";
import { tile, view } from "../components/viewer.js";
import { _, ngettext } from "../lib/i18n.js";

const PAGE = 120;
const POLL_MS = 2000;
const id = byId("photos").dataset.collection;
/** @type {any} */
let about = null;

const grid = new Grid(byId("photos"), { load, tile: photoTile, failed, shown });
const selection = new Selection(grid, refreshToolbar);

/** @param {number|null} after */
function load(after) {
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (after) query.set("after", String(after));
  if (byId("category").value) query.set("category_id", byId("category").value);
  if (byId("state").value) query.set("state", byId("state").value);
  if (byId("until").value) query.set("before", dayAfter(byId("until").value));
  return get(`/collections/${id}/photos?${query}`);
}

/** The moment the next day begins where this person is. @param {string} day as `2026-11-23` */
function dayAfter(day) {
  const [year, month, date] = day.split("-").map(Number);
  return new Date(year, month - 1, date + 1).toISOString();
}

function shown() {
  byId("end").textContent = grid.photos.length ? "" : _("No photos to show here.");
}

/** @param {any} photo @param {number} index */
function photoTile(photo, index) {
  const made = tile(photo, () => {}, note(photo));
  made.dataset.index = String(index);
  const button = /** @type {HTMLButtonElement} */ (made.querySelector("button"));
  button.addEventListener("click", (event) => { if (!selection.click(index, event)) open(photo); });
  selection.mark(made, photo);
  return made;
}

/** @param {any} photo */
function note(photo) {
  if (photo.state === "failed") return _("Failed: {reason}", { reason: photo.error });
  return photo.state === "indexed" ? photo.filename : _("still being embedded");
}

/** @param {any} photo */
function open(photo) {
  const actions = [];
  if (about?.mine) {
    if (photo.state === "failed") actions.push(make("button", { onclick: () => act("POST", `/photos/${photo.id}/retry`, _("It is tried again.")) }, _("Try again")));
    actions.push(make("button", { class: "danger", onclick: () => act("DELETE", `/photos/${photo.id}`, _("The photo is in the trash.")).then(() => forget([photo.id])) }, _("Delete")));
  }
  view(photo, ...actions);
}

/** @param {string} method @param {string} path @param {string} sentence */
async function act(method, path, sentence) {
  byId("viewer").close();
  await call(method, path).then(() => { say(sentence); return refreshCounts(); }).catch(failed);
}

async function refreshCounts() {
  const began = performance.now();
  about = await get(`/collections/${id}`);
  const { pending, leased, failed: bad } = about.embedding;
  const notes = [ngettext("{n} photo", "{n} photos", about.photos)];
  if (pending + leased) notes.push(_("{n} still being embedded", { n: pending + leased }));
  if (bad) notes.push(_("{n} failed", { n: bad }));
  byId("counts").textContent = notes.join(" · ");
  if (byId("category").options.length === 1) byId("category").append(...about.categories.map((/** @type {any} */ c) => make("option", { value: c.id }, `${c.name} (${c.photos})`)));
  refreshToolbar();
  // A large collection takes longer to count: a server must not be kept busy by pages that watch it.
  if (pending + leased) setTimeout(() => refreshCounts().catch(failed), Math.max(POLL_MS, 20 * (performance.now() - began)));
}

function refreshToolbar() {
  const mine = Boolean(about?.mine);
  byId("select").hidden = selection.active;
  byId("chosen").hidden = !selection.active;
  byId("chosen-count").textContent = selection.chosen.size ? ngettext("{n} photo chosen", "{n} photos chosen", selection.chosen.size) : _("Choose photos");
  for (const name of ["set-category", "move", "delete"]) byId(name).hidden = !mine;
  for (const name of ["set-category", "move", "delete", "download"]) byId(name).disabled = !selection.chosen.size;
}

/** These are not in this collection any more. @param {number[]} ids */
function forget(ids) {
  const gone = new Set(ids);
  grid.photos = grid.photos.filter((photo) => !gone.has(photo.id));
  grid.redraw();
  selection.clear();
  shown();
  refreshCounts().catch(failed);
}

/** @param {string|null} name */
function labelled(name) {
  for (const photo of grid.photos) if (selection.chosen.has(photo.id)) Object.assign(photo, { category: name, state: "pending" });
  grid.redraw();
  byId("category").length = 1;
  refreshCounts().catch(failed);
}

/** @param {Error} error */
function failed(error) { say(error.message); }

const chosen = () => [...selection.chosen];
byId("select").onclick = () => selection.start();
byId("all").onclick = () => selection.all();
byId("done").onclick = () => selection.stop();
byId("download").onclick = () => download(chosen());
byId("delete").onclick = () => askDelete(chosen(), () => forget(chosen()));
byId("set-category").onclick = () => askCategory(chosen(), about.categories.map((/** @type {any} */ c) => c.name), labelled);
byId("move").onclick = async () => {
  const { collections } = await get("/collections");
  askTarget(chosen(), collections.filter((/** @type {any} */ c) => c.mine && String(c.id) !== id), forget);
};
for (const name of ["category", "state", "until"]) byId(name).onchange = () => { selection.clear(); grid.restart(); };
byId("top").onclick = () => { scrollTo({ top: 0 }); byId("select").focus({ preventScroll: true }); };
addEventListener("scroll", () => { byId("top").hidden = scrollY < 2 * innerHeight; }, { passive: true });
grid.restart();
refreshCounts().catch(failed);
const wanted = new URLSearchParams(location.search).get("photo");
if (wanted) get(`/photos/${Number(wanted)}`).then(open).catch(failed);
