// What can be done with many photos at once: label, date, move, delete, download.

import { call } from "../lib/api.js";
import { confirmDialog, h, showError, toast } from "../lib/dom.js";
import { formatTaken } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";
import { takenSentence } from "./viewer.js";

/** @import { Collection, Photo } from "../../../typings/api" */
/** @typedef {{taken_at: string|null, date_source: Photo["date_source"]}} Taken */

const PER_REQUEST = 1000;
const FIRST_DAY = "1826-01-01";
const DAY_MS = 86_400_000;

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

/** @param {Photo[]} photos @param {(taken: Taken) => void} onDone */
export function dateDialog(photos, onDone) {
  const [day, time, unknown] = [
    h("input", { type: "date", required: true, min: FIRST_DAY, max: isoDay(Date.now() + DAY_MS) }),
    h("input", { type: "time", step: 1 }),
    h("input", { type: "checkbox" }),
  ];
  const before = new Set(photos.map((photo) => photo.taken_at));
  const [same] = before;
  if (same && before.size === 1) {
    day.value = same.slice(0, 10);
    if (!same.endsWith("T00:00:00")) time.value = same.slice(11, 19);
  }
  unknown.onchange = () => (day.disabled = time.disabled = unknown.checked);
  const content = h(
    "div",
    { class: "stack" },
    h("p", { class: "hint" }, datesOf(photos)),
    h("label", {}, _("Day"), " ", day),
    h("label", {}, _("Time (leave empty if you do not know it)"), " ", time),
    h("label", { class: "switch" }, unknown, " ", _("The date is not known")),
  );
  const ids = photos.map(({ id }) => id);
  const moment = () => (unknown.checked ? null : `${day.value}T${time.value || "00:00"}`);
  const title = ngettext("Date of {n} photo", "Date of {n} photos", ids.length);
  confirmDialog(title, content, _("Set"), () => setDate(ids, moment(), onDone).catch(showError));
}

/** @param {number} milliseconds since 1970 */
const isoDay = (milliseconds) => new Date(milliseconds).toISOString().slice(0, 10);

/** What is known before it is changed. @param {Photo[]} photos */
function datesOf(photos) {
  const [photo] = photos;
  if (photo && photos.length === 1) return _("Until now: {sentence}.", { sentence: takenSentence(photo) });
  const moments = photos.flatMap((each) => each.taken_at ?? []).sort();
  const [from, until] = [moments[0], moments.at(-1)];
  if (!from || !until) return _("Until now their dates are unknown.");
  return _("Until now: from {from} to {until}.", { from: formatTaken(from), until: formatTaken(until) });
}

/** @param {number[]} ids @param {string|null} moment @param {(taken: Taken) => void} onDone */
async function setDate(ids, moment, onDone) {
  await inBatches(ids, (some) => call("POST", "/photos/date", { body: { photo_ids: some, taken_at: moment } }));
  toast(ngettext("The date of {n} photo is set.", "The dates of {n} photos are set.", ids.length));
  onDone({ taken_at: moment && (moment.length === 16 ? `${moment}:00` : moment), date_source: "person" });
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
