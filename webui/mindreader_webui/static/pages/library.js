// The page Library: all collections.

import { call, get } from "../lib/api.js";
import { ask, byId, make, say } from "../lib/dom.js";
import { askSharing, sharedWith } from "../components/share_collection.js";
import { _, ngettext } from "../lib/i18n.js";

const MOST_CATEGORIES = 12;

async function load() {
  const began = performance.now();
  const { collections } = await get("/collections");
  byId("empty").hidden = collections.length > 0;
  byId("collections").replaceChildren(...collections.map(card));
  const busy = collections.some((/** @type {any} */ c) => c.embedding.pending + c.embedding.leased > 0);
  // Large collections take longer to count: a server must not be kept busy by pages that watch it.
  if (busy) setTimeout(() => load().catch(failed), Math.max(2000, 20 * (performance.now() - began)));
}

/** @param {any} collection */
function card(collection) {
  const { pending, leased, failed: bad } = collection.embedding;
  const waiting = pending + leased;
  const notes = [ngettext("{n} photo", "{n} photos", collection.photos), sharedWith(collection)];
  if (!collection.mine) notes.push(_("of {owner}", { owner: collection.owner }));
  if (waiting) notes.push(_("{n} still being embedded", { n: waiting }));
  if (bad) notes.push(_("{n} failed", { n: bad }));
  const names = collection.categories.slice(0, MOST_CATEGORIES).map((/** @type {any} */ c) => make("li", {}, `${c.name} ${c.photos}`));
  if (collection.categories.length > MOST_CATEGORIES) names.push(make("li", {}, _("and {n} more", { n: collection.categories.length - MOST_CATEGORIES })));
  const change = (/** @type {object} */ body) => call("PATCH", `/collections/${collection.id}`, body).then(load).catch(failed);
  const actions = collection.mine ? [
    make("a", { href: `/upload?collection=${collection.id}` }, _("Add photos")),
    make("button", { class: "quiet", onclick: () => rename(collection, change) }, _("Rename")),
    make("button", { class: "quiet", onclick: () => askSharing(collection, () => load().catch(failed)) }, _("Share…")),
    make("button", { class: "quiet", onclick: () => remove(collection) }, _("Delete")),
  ] : [];
  const cover = collection.cover_url && make("img", { src: collection.cover_url, alt: "", loading: "lazy", width: 256, height: 256 });
  return make("li", { class: "collection" }, make("a", { class: "cover", href: `/library/${collection.id}`, tabindex: -1, "aria-hidden": "true" }, ...(cover ? [cover] : [])),
    make("h2", {}, make("a", { href: `/library/${collection.id}` }, collection.name)),
    make("p", { class: "hint" }, notes.join(" · ")), make("ul", { class: "chips" }, ...names), make("div", { class: "row" }, ...actions));
}

/** @param {any} collection @param {(body: object) => void} change */
function rename(collection, change) {
  const input = make("input", { value: collection.name, maxlength: 200, required: true });
  ask(_("Rename the collection"), make("label", {}, _("Name"), " ", input), _("Rename"), () => change({ name: input.value }));
}

/** @param {any} collection */
function remove(collection) {
  const text = make("p", {}, ngettext("{name} and its {n} photo go into the trash, where you can restore them for some time.",
    "{name} and its {n} photos go into the trash, where you can restore them for some time.", collection.photos, { name: collection.name }));
  ask(_("Delete the collection?"), text, _("Delete"), () => call("DELETE", `/collections/${collection.id}`).then(load).catch(failed), "danger");
}

/** @param {Error} error */
const failed = (error) => say(error.message);

byId("create").addEventListener("submit", async (/** @type {Event} */ event) => {
  event.preventDefault();
  await call("POST", "/collections", { name: byId("name").value }).then(() => { byId("name").value = ""; return load(); }).catch(failed);
});
byId("create").querySelector("button").disabled = false;
load().catch(failed);
