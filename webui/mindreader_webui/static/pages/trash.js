// The page Trash: what was deleted, to be restored or deleted for good.

import { call, get } from "../lib/api.js";
import { ask, byId, make, say } from "../lib/dom.js";
import { _, ngettext } from "../lib/i18n.js";

const PAGE = 60;
/** @type {Set<number>} */
const chosen = new Set();
/** @type {any[]} */
let photos = [];
/** @type {number|null} */
let next = null;

async function load() {
  const trash = await get(`/trash?limit=${PAGE}`);
  photos = [];
  chosen.clear();
  byId("photos").replaceChildren();
  add(trash);
  byId("collections").replaceChildren(...trash.collections.map(collection));
  byId("collections-area").hidden = !trash.collections.length;
  byId("photos-area").hidden = !trash.total;
  byId("empty").disabled = !trash.total && !trash.collections.length;
  byId("summary").textContent = summary(trash);
}

/** @param {any} trash */
function summary(trash) {
  if (!trash.days) return _("This server keeps nothing that was deleted: it is gone for good at once.");
  const kept = ngettext("What you delete stays here for {n} day and can be restored.", "What you delete stays here for {n} days and can be restored.", trash.days);
  const inside = trash.total || trash.collections.length ? ngettext("{n} photo deleted one by one.", "{n} photos deleted one by one.", trash.total) : _("The trash is empty.");
  return [kept, inside].join(" ");
}

/** @param {any} page */
function add(page) {
  photos.push(...page.photos);
  byId("photos").append(...page.photos.map(tile));
  next = page.next;
  byId("more").hidden = next === null;
  refresh();
}

/** @param {any} photo */
function tile(photo) {
  const image = make("img", { src: photo.thumbnail_url, alt: "", loading: "lazy", decoding: "async", width: 256, height: 256 });
  const caption = make("span", { class: "caption" }, make("span", {}, photo.filename), make("small", {}, _("{collection}, deleted {date}", { collection: photo.collection, date: day(photo) })));
  return make("li", {}, make("button", { "aria-pressed": "false", "data-photo": photo.id, onclick: () => toggle(photo.id) }, image, caption));
}

/** @param {any} deleted */
const day = (deleted) => new Date(deleted.deleted_at).toLocaleDateString();

/** @param {any} each */
function collection(each) {
  const forGood = () => ask(_("Delete the collection for good?"), make("p", {}, ngettext("{name} and its {n} photo cannot be restored then.", "{name} and its {n} photos cannot be restored then.", each.photos, { name: each.name })), _("Delete for good"),
    () => act("DELETE", `/trash/collections/${each.id}`, undefined, _("{name} is deleted for good.", { name: each.name })), "danger");
  return make("li", {}, make("h2", {}, each.name), make("p", { class: "hint" }, ngettext("{n} photo · deleted {date}", "{n} photos · deleted {date}", each.photos, { date: day(each) })),
    make("div", { class: "row" }, make("button", { onclick: () => act("POST", `/trash/collections/${each.id}/restore`, undefined, _("{name} is back in the library.", { name: each.name })) }, _("Restore")),
      make("button", { class: "danger", onclick: forGood }, _("Delete for good"))));
}

/** @param {number} id */
function toggle(id) {
  if (!chosen.delete(id)) chosen.add(id);
  refresh();
}

function refresh() {
  for (const button of byId("photos").querySelectorAll("button")) button.setAttribute("aria-pressed", String(chosen.has(Number(button.dataset.photo))));
  byId("restore").disabled = byId("remove").disabled = !chosen.size;
  byId("restore").textContent = chosen.size ? ngettext("Restore {n} photo", "Restore {n} photos", chosen.size) : _("Restore");
}

/** @param {string} method @param {string} path @param {object|undefined} body @param {string} sentence */
async function act(method, path, body, sentence) {
  await call(method, path, body).then(() => { say(sentence); return load(); }).catch(failed);
}

/** @param {Error} error */
const failed = (error) => say(error.message);
const chosenIds = () => ({ photo_ids: [...chosen].slice(0, 1000) });

byId("all").onclick = () => { photos.slice(0, 1000).forEach((photo) => chosen.add(photo.id)); refresh(); };
byId("restore").onclick = () => act("POST", "/trash/photos/restore", chosenIds(), ngettext("{n} photo is back in the library.", "{n} photos are back in the library.", chosen.size));
byId("remove").onclick = () => ask(_("Delete for good?"), make("p", {}, ngettext("{n} photo cannot be restored then.", "{n} photos cannot be restored then.", chosen.size)), _("Delete for good"),
  () => act("POST", "/trash/photos/remove", chosenIds(), _("Deleted for good.")), "danger");
byId("empty").onclick = () => ask(_("Empty the trash?"), make("p", {}, _("Everything in it is deleted for good.")), _("Empty the trash"), () => act("DELETE", "/trash", undefined, _("The trash is empty.")), "danger");
byId("more").onclick = () => get(`/trash?limit=${PAGE}&after=${next}`).then(add).catch(failed);
load().catch(failed);
