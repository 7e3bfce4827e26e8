// What can be done with many photos at once: label, move, delete, download.

import { call } from "../lib/api.js";
import { confirmDialog, h, showError, toast } from "../lib/dom.js";
import { _, ngettext } from "../lib/i18n.js";

/** @import { Collection } from "../../../typings/api" */

const PER_REQUEST = 1000;

/**
 * One request after the other, for a thousand photos each.
 *
 * @template T
 * @param {number[]} ids
 * @param {(ids: number[]) => Promise<T>} request
 */
async function inBatches(ids, request) {
  const answers = [];
  for (let start = 0; start < ids.length; start += PER_REQUEST) {
    answers.push(await request(ids.slice(start, start + PER_REQUEST)));
  }
  return answers;
}

/** @param {number[]} ids @param {string[]} known names of categories @param {(name: string|null) => void} onDone */
export function categoryDialog(ids, known, onDone) {
  const input = h("input", { list: "known-categories", maxlength: 200, placeholder: _("None") });
  const names = h("datalist", { id: "known-categories" }, ...known.map((name) => h("option", { value: name })));
  const field = h("label", {}, _("Category (leave empty for none)"), " ", input, names);
  const title = ngettext("Category of {n} photo", "Category of {n} photos", ids.length);
  confirmDialog(title, field, _("Set"), () => setCategory(ids, input.value.trim() || null, onDone).catch(showError));
}

/** @param {number[]} ids @param {string|null} name @param {(name: string|null) => void} onDone */
async function setCategory(ids, name, onDone) {
  await inBatches(ids, (some) => call("POST", "/photos/category", { body: { photo_ids: some, category: name } }));
  toast(
    name
      ? ngettext("{n} photo is “{name}” now.", "{n} photos are “{name}” now.", ids.length, { name })
      : _("They have no category now."),
  );
  onDone(name);
}

/**
 * @param {number[]} ids
 * @param {Collection[]} targets the person's other ones
 * @param {(movedIds: number[]) => void} onDone
 */
export function moveDialog(ids, targets, onDone) {
  if (!targets.length) return toast(_("You have no other collection. Create one in the library first."));
  const select = h("select", {}, ...targets.map(({ id, name }) => h("option", { value: id }, name)));
  const field = h("label", {}, _("Into the collection"), " ", select);
  const title = ngettext("Move {n} photo", "Move {n} photos", ids.length);
  confirmDialog(title, field, _("Move"), () => move(ids, Number(select.value), onDone).catch(showError));
}

/** @param {number[]} ids @param {number} target @param {(movedIds: number[]) => void} onDone */
async function move(ids, target, onDone) {
  const answers = await inBatches(ids, (some) =>
    call("POST", "/photos/move", { body: { photo_ids: some, collection_id: target } }),
  );
  const kept = new Set(answers.flatMap((answer) => answer.duplicates));
  toast(
    kept.size
      ? ngettext(
          "Moved. {n} photo stays: the other collection has it already.",
          "Moved. {n} photos stay: the other collection has them already.",
          kept.size,
        )
      : _("Moved."),
  );
  onDone(ids.filter((id) => !kept.has(id)));
}

/** @param {number[]} ids @param {() => void} onDone */
export function deleteDialog(ids, onDone) {
  const text = h("p", {}, _("They go into the trash, where you can restore them for some time."));
  const title = ngettext("Delete {n} photo?", "Delete {n} photos?", ids.length);
  confirmDialog(title, text, _("Delete"), () => remove(ids, onDone).catch(showError), "danger");
}

/** @param {number[]} ids @param {() => void} onDone */
async function remove(ids, onDone) {
  await inBatches(ids, (some) => call("POST", "/photos/delete", { body: { photo_ids: some } }));
  toast(ngettext("{n} photo is deleted.", "{n} photos are deleted.", ids.length));
  onDone();
}

/** As one zip file. @param {number[]} ids */
export function download(ids) {
  if (ids.length > PER_REQUEST) {
    return toast(_("One download holds at most {n} photos. Choose fewer.", { n: PER_REQUEST }));
  }
  h("a", { href: `/api/v1/photos/archive?ids=${idRanges(ids)}`, download: "" }).click();
}

/** `7,12-15` for 12, 7, 13, 14, 15. @param {number[]} ids */
export function idRanges(ids) {
  /** @type {[number, number][]} */
  const ranges = [];
  for (const id of [...ids].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && last[1] === id - 1) last[1] = id;
    else ranges.push([id, id]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(",");
}
