// The page Library: all collections.

import { startFolders } from "../components/folders.js";
import { failedSentence, waitingSentence } from "../components/photo_states.js";
import { shareDialog, sharedWith } from "../components/share_dialog.js";
import { call, get } from "../lib/api.js";
import { byId, confirmDialog, h, onSubmit, showError, toast } from "../lib/dom.js";
import { formatCategory, formatNumber } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";

/** @import { Collection } from "../../../typings/api" */

const MOST_CATEGORIES = 12;
const POLL_MS = 2000;
const POLL_SHARE = 20; // large collections take longer to count: the server is asked one twentieth of the time

async function load() {
  const began = performance.now();
  const { collections } = await get("/collections");
  byId("empty").hidden = collections.length > 0;
  byId("collections").replaceChildren(...collections.map(card));
  if (!collections.some(waitingPhotos)) return;
  const took = performance.now() - began;
  setTimeout(() => load().catch(showError), Math.max(POLL_MS, POLL_SHARE * took));
}

/** @param {Collection} collection */
const waitingPhotos = ({ embedding: { pending, leased } }) => pending + leased;

/** @param {Collection} collection */
function card(collection) {
  const href = `/library/${collection.id}`;
  const cover = collection.cover_url
    ? [h("img", { src: collection.cover_url, alt: "", loading: "lazy", width: 256, height: 256 })]
    : [];
  return h(
    "li",
    { class: "collection" },
    h("a", { class: "cover", href, tabindex: -1, "aria-hidden": "true" }, ...cover),
    h("h2", {}, h("a", { href }, collection.name)),
    h("p", { class: "hint" }, notesOn(collection).join(" · ")),
    h("ul", { class: "chips" }, ...categoryChips(collection)),
    h("div", { class: "row actions" }, ...(collection.mine ? buttons(collection) : [])),
  );
}

/** @param {Collection} collection */
function notesOn(collection) {
  const { failed } = collection.embedding;
  const waiting = waitingPhotos(collection);
  const notes = [ngettext("{n} photo", "{n} photos", collection.photos), sharedWith(collection)];
  if (collection.shows_folder) notes.push(_("shown from a folder"));
  if (!collection.mine) notes.push(_("of {owner}", { owner: collection.owner }));
  if (waiting) notes.push(waitingSentence(waiting));
  if (failed) notes.push(failedSentence(failed));
  return notes;
}

/** @param {Collection} collection */
function categoryChips({ categories }) {
  const chips = categories
    .slice(0, MOST_CATEGORIES)
    .map(({ name, photos }) => h("li", {}, formatCategory(name), " ", h("small", {}, formatNumber(photos))));
  const more = categories.length - chips.length;
  if (more) chips.push(h("li", {}, ngettext("and {n} more", "and {n} more", more)));
  return chips;
}

/** @param {Collection} collection */
function buttons(collection) {
  const reload = () => load().catch(showError);
  const add = h("a", { class: "button quiet", href: `/upload?collection=${collection.id}` }, _("Add photos"));
  return [
    ...(collection.shows_folder ? [] : [add]),
    h("button", { class: "quiet", onclick: () => renameDialog(collection) }, _("Rename")),
    h("button", { class: "quiet", onclick: () => shareDialog(collection, reload) }, _("Share…")),
    h("button", { class: "quiet", onclick: () => deleteDialog(collection) }, _("Delete")),
  ];
}

/** @param {Collection} collection */
function renameDialog({ id, name }) {
  const input = h("input", { value: name, maxlength: 200, required: true });
  const rename = () =>
    call("PATCH", "/collections/{collection_id}", { path: { collection_id: id }, body: { name: input.value } })
      .then(load)
      .catch(showError);
  confirmDialog(_("Rename the collection"), h("label", {}, _("Name"), " ", input), _("Rename"), rename);
}

/** @param {Collection} collection */
function deleteDialog({ id, name, photos, shows_folder: showsFolder }) {
  const hasTrash = Number(byId("dialog").dataset.trashDays) > 0;
  const intoTrash = ngettext(
    "{name} and its {n} photo go into the trash, where you can restore them for some time.",
    "{name} and its {n} photos go into the trash, where you can restore them for some time.",
    photos,
    { name },
  );
  const forGood = ngettext(
    "This server keeps no trash: {name} and its {n} photo are gone for good at once.",
    "This server keeps no trash: {name} and its {n} photos are gone for good at once.",
    photos,
    { name },
  );
  const remove = async () => {
    await call("DELETE", "/collections/{collection_id}", { path: { collection_id: id } });
    if (hasTrash) toast(_("{name} is in the trash.", { name }), () => restore(id, name).catch(showError));
    else toast(_("{name} is deleted for good.", { name }));
    await load();
  };
  const stays = showsFolder ? [h("p", {}, _("The files stay in their folder as they are."))] : [];
  const content = h("div", {}, h("p", {}, hasTrash ? intoTrash : forGood), ...stays);
  const label = hasTrash ? _("Delete") : _("Delete for good");
  confirmDialog(_("Delete the collection?"), content, label, () => remove().catch(showError), "danger");
}

/** @param {number} id @param {string} name */
async function restore(id, name) {
  await call("POST", "/trash/collections/{trashed_collection_id}/restore", { path: { trashed_collection_id: id } });
  toast(_("{name} is back in the library.", { name }));
  await load();
}

const name = byId("name", HTMLInputElement);
onSubmit(byId("create", HTMLFormElement), async () => {
  await call("POST", "/collections", { body: { name: name.value } });
  name.value = "";
  await load();
});
load().catch(showError);
startFolders(load);
