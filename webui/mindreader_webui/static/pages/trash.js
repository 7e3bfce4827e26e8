// The page Trash: what was deleted, to be restored or deleted for good.

import { call, get } from "../lib/api.js";
import { byId, confirmDialog, h, setDisabled, showError, toast } from "../lib/dom.js";
import { formatDate } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";

/** @import { Trash, TrashedCollection } from "../../../typings/api" */
/** @typedef {Trash["photos"][number]} TrashedPhoto */

const PAGE = 60;
const MOST_AT_ONCE = 1000;

/** @type {Set<number>} */
const selected = new Set();
/** @type {TrashedPhoto[]} */
let photos = [];
/** @type {number|null} */
let next = null;

async function load() {
  const trash = await get("/trash", { query: { limit: PAGE } });
  photos = [];
  selected.clear();
  byId("photos").replaceChildren();
  addPage(trash);
  byId("collections").replaceChildren(...trash.collections.map(collectionEntry));
  byId("collections-area").hidden = !trash.collections.length;
  byId("photos-area").hidden = !trash.total;
  setDisabled(!trash.total && !trash.collections.length, "empty");
  byId("summary").textContent = summary(trash);
}

/** @param {Trash} trash */
function summary({ days, total, collections }) {
  if (!days) return _("This server keeps nothing that was deleted: it is gone for good at once.");
  const inside =
    total || collections.length
      ? ngettext("{n} photo deleted one by one.", "{n} photos deleted one by one.", total)
      : _("The trash is empty.");
  return [
    ngettext(
      "What you delete stays here for {n} day and can be restored.",
      "What you delete stays here for {n} days and can be restored.",
      days,
    ),
    inside,
  ].join(" ");
}

/** @param {Trash} page */
function addPage(page) {
  photos.push(...page.photos);
  byId("photos").append(...page.photos.map(tile));
  next = page.next;
  byId("more").hidden = next === null;
  refresh();
}

/** @param {TrashedPhoto} photo */
function tile({ id, filename, collection, thumbnail_url: src, deleted_at: deletedAt }) {
  const image = h("img", { src, alt: "", loading: "lazy", decoding: "async", width: 256, height: 256 });
  const note = _("{collection}, deleted {date}", { collection, date: formatDate(deletedAt) });
  const caption = h("span", { class: "caption" }, h("span", {}, filename), h("small", {}, note));
  const attributes = { "aria-pressed": "false", "data-photo": id, onclick: () => toggle(id) };
  return h("li", {}, h("button", attributes, image, caption));
}

/** @param {TrashedCollection} collection */
function collectionEntry({ id, name, photos: count, deleted_at: deletedAt }) {
  const path = { trashed_collection_id: id };
  const note = ngettext("{n} photo · deleted {date}", "{n} photos · deleted {date}", count, {
    date: formatDate(deletedAt),
  });
  const restore = () =>
    act(
      call("POST", "/trash/collections/{trashed_collection_id}/restore", { path }),
      _("{name} is back in the library.", { name }),
    );
  const remove = () =>
    act(
      call("DELETE", "/trash/collections/{trashed_collection_id}", { path }),
      _("{name} is deleted for good.", { name }),
    );
  const warning = ngettext(
    "{name} and its {n} photo cannot be restored then.",
    "{name} and its {n} photos cannot be restored then.",
    count,
    { name },
  );
  const ask = () => confirmRemoval(_("Delete the collection for good?"), warning, _("Delete for good"), remove);
  return h(
    "li",
    {},
    h("h2", {}, name),
    h("p", { class: "hint" }, note),
    h(
      "div",
      { class: "row" },
      h("button", { onclick: restore }, _("Restore")),
      h("button", { class: "danger", onclick: ask }, _("Delete for good")),
    ),
  );
}

/** @param {number} id */
function toggle(id) {
  if (!selected.delete(id)) selected.add(id);
  refresh();
}

function refresh() {
  const n = selected.size;
  for (const button of byId("photos").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(selected.has(Number(button.dataset.photo))));
  }
  setDisabled(!n, "restore", "remove");
  byId("restore").textContent = n ? ngettext("Restore {n} photo", "Restore {n} photos", n) : _("Restore");
}

/** @param {Promise<unknown>} request @param {string} sentence for when it is done */
async function act(request, sentence) {
  try {
    await request;
    toast(sentence);
    await load();
  } catch (error) {
    showError(error);
  }
}

/** @param {string} title @param {string} warning @param {string} label @param {() => unknown} onConfirm */
const confirmRemoval = (title, warning, label, onConfirm) =>
  confirmDialog(title, h("p", {}, warning), label, onConfirm, "danger");

const selection = () => ({ photo_ids: [...selected].slice(0, MOST_AT_ONCE) });

byId("all").onclick = () => {
  photos.slice(0, MOST_AT_ONCE).forEach(({ id }) => selected.add(id));
  refresh();
};
byId("restore").onclick = () =>
  act(
    call("POST", "/trash/photos/restore", { body: selection() }),
    ngettext("{n} photo is back in the library.", "{n} photos are back in the library.", selected.size),
  );
byId("remove").onclick = () =>
  confirmRemoval(
    _("Delete for good?"),
    ngettext("{n} photo cannot be restored then.", "{n} photos cannot be restored then.", selected.size),
    _("Delete for good"),
    () => act(call("POST", "/trash/photos/remove", { body: selection() }), _("Deleted for good.")),
  );
byId("empty").onclick = () =>
  confirmRemoval(_("Empty the trash?"), _("Everything in it is deleted for good."), _("Empty the trash"), () =>
    act(call("DELETE", "/trash"), _("The trash is empty.")),
  );
byId("more").onclick = () =>
  get("/trash", { query: { limit: PAGE, after: next } })
    .then(addPage)
    .catch(showError);
load().catch(showError);
