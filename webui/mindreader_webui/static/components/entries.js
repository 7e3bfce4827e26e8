// Places of a long list: photos, those of which only the id is known, and those that are on their way.

import { h } from "../lib/dom.js";

/** @import { ListedPhoto, PhotoRun } from "../../../typings/api" */
/** @typedef {ListedPhoto & {unread?: true}} Entry a photo, or one of which little more than the id is known */

const NOTHING = "\u00a0"; // as high as a line

/** As high as a tile; nothing to press. */
export function emptyTile() {
  const caption = h("span", { class: "caption" }, h("span", {}, NOTHING), h("small", {}, NOTHING));
  return h("li", { class: "empty-tile", "aria-hidden": "true" }, h("div", {}, h("div", { class: "picture" }), caption));
}

/** @param {number} id @param {PhotoRun} run @returns {Entry} */
export function unreadEntry(id, { collection_id, collection, may_change }) {
  const base = `/api/v1/photos/${id}`;
  return {
    id,
    collection_id,
    collection,
    may_change,
    unread: true,
    thumbnail_url: `${base}/thumbnail`,
    preview_url: `${base}/preview`,
    original_url: `${base}/original`,
    filename: "",
    folder: null,
    away: false,
    category_id: null,
    category: null,
    width: 0,
    height: 0,
    size_bytes: 0,
    media_type: "",
    taken_at: null,
    date_source: null,
    created_at: "",
    state: "pending",
    error: null,
    day: null,
  };
}

/** The same entries without some indexes; holes stay holes. @param {Entry[]} entries @param {Set<number>} out */
export function closedUp(entries, out) {
  /** @type {Entry[]} */
  const kept = [];
  let shift = 0;
  for (let index = 0; index < entries.length; index += 1) {
    if (out.has(index)) shift += 1;
    else if (index in entries) kept[index - shift] = /** @type {Entry} */ (entries[index]);
  }
  return kept;
}
