// The page of one collection: its photos by date, one to look at, many to change.

import { PhotoList } from "../components/photo_list.js";
import { failedSentence, waitingSentence } from "../components/photo_states.js";
import { call, get } from "../lib/api.js";
import { byId, showError, toast } from "../lib/dom.js";
import { _, ngettext } from "../lib/i18n.js";

/** @import { Photo } from "../../../typings/api" */
/** @import { AnyPhoto } from "../components/viewer.js" */

const POLL_MS = 2000;
const POLL_SHARE = 20; // a large collection takes longer to count: the server is asked one twentieth of the time

const id = Number(byId("photos").dataset.collection);
let categoriesShown = false;
/** @type {ReturnType<typeof setTimeout>|undefined} */
let polling;

const list = new PhotoList(id, { buttons, onedit, onload });

function onload() {
  byId("empty").hidden = list.grid.photos.length > 0 || list.filters.active > 0;
  byId("end").hidden = !byId("empty").hidden;
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
    list.onchange([photo]);
  } catch (error) {
    showError(error);
  }
}

function onedit() {
  categoriesShown = false;
  refreshCounts().catch(showError);
}

async function refreshCounts() {
  clearTimeout(polling);
  const began = performance.now();
  const collection = await get("/collections/{collection_id}", { path: { collection_id: id } });
  const { pending, leased, failed } = collection.embedding;
  const waiting = pending + leased;
  const notes = [ngettext("{n} photo", "{n} photos", collection.photos)];
  if (waiting) notes.push(waitingSentence(waiting));
  if (failed) notes.push(failedSentence(failed));
  byId("counts").textContent = notes.join(" · ");
  byId("add").hidden = !collection.mine || collection.shows_folder;
  if (!categoriesShown) list.filters.offer([collection]);
  categoriesShown = true;
  if (!waiting) return;
  const took = performance.now() - began;
  clearTimeout(polling);
  polling = setTimeout(() => refreshCounts().catch(showError), Math.max(POLL_MS, POLL_SHARE * took));
}

async function start() {
  await list.start();
  const wanted = Number(new URLSearchParams(location.search).get("photo"));
  if (wanted) await list.openNamed(wanted);
}

start().catch(showError);
refreshCounts().catch(showError);
