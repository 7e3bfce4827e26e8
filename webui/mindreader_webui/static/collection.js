// The page of one collection: an endless grid of its photos.

import { call, get } from "./api.js";
import { byId, counted, make, say } from "./dom.js";
import { tile, view } from "./viewer.js";

const PAGE = 60;
const list = byId("photos");
const id = list.dataset.collection;
/** @type {any} */
let about = null;
/** @type {number|null|undefined} */
let next;
let loading = false;
let generation = 0;

async function refreshCounts() {
  about = await get(`/collections/${id}`);
  const { pending, leased, failed: bad } = about.embedding;
  const notes = [counted(about.photos, "photo", "photos")];
  if (pending + leased) notes.push(`${pending + leased} still being embedded`);
  if (bad) notes.push(`${bad} failed`);
  byId("counts").textContent = notes.join(" · ");
  if (byId("category").options.length === 1) byId("category").append(...about.categories.map((/** @type {any} */ c) => make("option", { value: c.id }, `${c.name} (${c.photos})`)));
  if (pending + leased) setTimeout(() => refreshCounts().catch(failed), 2000);
}

async function more() {
  if (loading || next === null) return;
  loading = true;
  const mine = generation;
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (next) query.set("after", String(next));
  if (byId("category").value) query.set("category_id", byId("category").value);
  if (byId("state").value) query.set("state", byId("state").value);
  try {
    const page = await get(`/collections/${id}/photos?${query}`);
    if (mine !== generation) return;
    list.append(...page.photos.map((/** @type {any} */ photo) => tile(photo, open, note(photo))));
    next = page.next;
    byId("end").textContent = list.children.length ? "" : "No photos to show here.";
  } catch (error) {
    failed(/** @type {Error} */ (error));
    next = null;
  } finally {
    loading = false;
  }
  if (next && watchful.takeRecords().length === 0 && byId("end").getBoundingClientRect().top < innerHeight * 2) more();
}

/** @param {any} photo */
function note(photo) {
  if (photo.state === "failed") return `Failed: ${photo.error}`;
  return photo.state === "indexed" ? photo.filename : "still being embedded";
}

/** @param {any} photo */
function open(photo) {
  const actions = [];
  if (about?.mine) {
    if (photo.state === "failed") actions.push(make("button", { onclick: () => act("POST", `/photos/${photo.id}/retry`, "It is tried again.") }, "Try again"));
    actions.push(make("button", { class: "danger", onclick: () => act("DELETE", `/photos/${photo.id}`, "The photo is deleted.") }, "Delete"));
  }
  view(photo, ...actions);
}

/** @param {string} method @param {string} path @param {string} sentence */
async function act(method, path, sentence) {
  byId("viewer").close();
  await call(method, path).then(() => { say(sentence); restart(); return refreshCounts(); }).catch(failed);
}

function restart() {
  generation += 1;
  next = undefined;
  loading = false;
  list.replaceChildren();
  more();
}

/** @param {Error} error */
const failed = (error) => say(error.message);

const watchful = new IntersectionObserver((entries) => { if (entries.some((e) => e.isIntersecting)) more(); }, { rootMargin: "800px" });
watchful.observe(byId("end"));
byId("category").onchange = restart;
byId("state").onchange = restart;
refreshCounts().catch(failed);
