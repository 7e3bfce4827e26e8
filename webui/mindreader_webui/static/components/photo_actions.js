// What can be done with photos, one or many: label, date, move, add to a collection, delete, download; and taken back.

import { ApiError, call, get } from "../lib/api.js";
import { byId, confirmDialog, h, showError, toast } from "../lib/dom.js";
import { formatTaken } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";
import { chooseCollection } from "./collection_choice.js";
import { takenSentence } from "./taken.js";
import { idOf } from "./viewer.js";

/** @import { AnyPhoto } from "./viewer.js" */
/** @typedef {{id: number, name: string}} Place a collection */

/**
 * Who shows the photos, and is told what became of them.
 *
 * @typedef {object} PhotoHost
 * @property {(photos: AnyPhoto[]) => void} onchange these say something else now
 * @property {(photos: AnyPhoto[]) => void} ondone they were chosen for this, and are not any more
 * @property {(photos: AnyPhoto[], to: Place) => void} onmove they are in another collection now
 * @property {(photos: AnyPhoto[]) => void} onremove they are in the trash
 * @property {(photos: AnyPhoto[]) => void} onreturn they are back where they were
 */

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
    if (start) toast(_("{done} of {total} photos …", { done: start, total: ids.length }));
    answers.push(await request(ids.slice(start, start + PER_REQUEST)));
  }
  return answers;
}

export class PhotoActions {
  /** @param {PhotoHost} host */
  constructor(host) {
    this.host = host;
  }

  /** @param {AnyPhoto[]} photos */
  async category(photos) {
    const { collections } = await get("/collections");
    const inside = new Set(photos.map((photo) => photo.collection_id));
    const known = collections.filter(({ id }) => inside.has(id)).flatMap(({ categories }) => categories);
    const names = [...new Set(known.map(({ name }) => name))].sort();
    const input = h("input", { list: "known-categories", maxlength: 200, placeholder: _("None") });
    const [same, ...others] = new Set(photos.map((photo) => photo.category));
    if (!others.length && !photos.some(isUnread)) input.value = same ?? "";
    const options = h("datalist", { id: "known-categories" }, ...names.map((name) => h("option", { value: name })));
    const field = h("label", {}, _("Category (leave empty for none)"), " ", input, options);
    const title = ngettext("Category of {n} photo", "Category of {n} photos", photos.length);
    confirmDialog(title, field, _("Set"), () => this.setCategory(photos, input.value.trim() || null).catch(showError));
  }

  /** @param {AnyPhoto[]} photos @param {string|null} name */
  async setCategory(photos, name) {
    const before = await labelled(photos, name);
    const sentence = name
      ? ngettext("{n} photo is “{name}” now.", "{n} photos are “{name}” now.", photos.length, { name })
      : _("They have no category now.");
    toast(sentence, () => this.undoCategory(photos, before).catch(showError));
    this.host.ondone(photos);
    this.host.onchange(photos);
  }

  /** @param {AnyPhoto[]} photos @param {Map<number, string|null>} before the category that each had, by its id */
  async undoCategory(photos, before) {
    const there = photos.filter((photo) => before.has(idOf(photo)));
    for (const name of new Set(before.values())) {
      const theirs = there.filter((photo) => before.get(idOf(photo)) === name);
      await labelled(theirs, name);
    }
    toast(ngettext("{n} photo has the category it had.", "{n} photos have the categories they had.", there.length));
    this.host.onchange(there);
  }

  /** @param {AnyPhoto[]} photos */
  async date(photos) {
    const [day, time, unknown] = [
      h("input", { type: "date", required: true, min: FIRST_DAY, max: isoDay(Date.now() + DAY_MS) }),
      h("input", { type: "time", step: 1 }),
      h("input", { type: "checkbox" }),
    ];
    const [same, ...others] = new Set(photos.map((photo) => photo.taken_at));
    if (same && !others.length && !photos.some(isUnread)) {
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
    const moment = () => (unknown.checked ? null : `${day.value}T${time.value || "00:00"}`);
    const title = ngettext("Date of {n} photo", "Date of {n} photos", photos.length);
    confirmDialog(title, content, _("Set"), () => this.setDate(photos, moment()).catch(showError));
  }

  /** @param {AnyPhoto[]} photos @param {string|null} moment */
  async setDate(photos, moment) {
    await inBatches(photos.map(idOf), (ids) =>
      call("POST", "/photos/date", { body: { photo_ids: ids, taken_at: moment } }),
    );
    const taken = moment && (moment.length === 16 ? `${moment}:00` : moment);
    for (const photo of photos) Object.assign(photo, { taken_at: taken, date_source: "person" });
    toast(ngettext("The date of {n} photo is set.", "The dates of {n} photos are set.", photos.length));
    this.host.ondone(photos);
    this.host.onchange(photos);
  }

  /** @param {AnyPhoto[]} photos */
  async move(photos) {
    const title = ngettext("Move {n} photo", "Move {n} photos", photos.length);
    await chooseCollection(title, _("Move"), elsewhere(photos), (to) => this.moveTo(photos, to));
  }

  /** @param {AnyPhoto[]} photos @param {Place} to */
  async moveTo(photos, to) {
    const coming = photos.filter((photo) => photo.collection_id !== to.id);
    const places = new Map(coming.map((photo) => [photo, placeOf(photo)]));
    const kept = await moved(coming, to);
    const gone = coming.filter((photo) => !kept.has(photo));
    toast(movedSentence(gone.length, kept.size, to.name), gone.length ? () => this.moveBack(gone, places) : undefined);
    this.host.onmove(gone, to);
  }

  /** @param {AnyPhoto[]} photos @param {Map<AnyPhoto, Place>} places where each was */
  async moveBack(photos, places) {
    const back = [];
    try {
      for (const place of new Map([...places.values()].map((each) => [each.id, each])).values()) {
        const theirs = photos.filter((photo) => places.get(photo)?.id === place.id);
        const kept = await moved(theirs, place);
        back.push(...theirs.filter((photo) => !kept.has(photo)));
      }
    } catch (error) {
      showError(error);
      return;
    }
    toast(ngettext("{n} photo is back where it was.", "{n} photos are back where they were.", back.length));
    this.host.onreturn(back);
  }

  /** @param {AnyPhoto[]} photos */
  async copy(photos) {
    const title = ngettext("Add {n} photo to a collection", "Add {n} photos to a collection", photos.length);
    await chooseCollection(title, _("Add"), elsewhere(photos), (to) => this.copyTo(photos, to));
  }

  /** @param {AnyPhoto[]} photos @param {Place} to */
  async copyTo(photos, to) {
    const answers = await inBatches(photos.map(idOf), (ids) =>
      call("POST", "/photos/copy", { body: { photo_ids: ids, collection_id: to.id } }),
    );
    const made = answers.flatMap((answer) => answer.photo_ids).length;
    const had = answers.flatMap((answer) => answer.duplicates).length;
    const there = { name: to.name };
    const added = ngettext("{n} photo is in “{name}” too now.", "{n} photos are in “{name}” too now.", made, there);
    const known = ngettext("{n} was there already.", "{n} were there already.", had);
    toast([...(made ? [added] : []), ...(had ? [known] : [])].join(" "));
  }

  /** One goes at once, for it comes back as easily; where nothing comes back one is asked. @param {AnyPhoto[]} photos */
  async remove(photos) {
    const days = Number(byId("dialog").dataset.trashDays);
    const title = ngettext("Delete {n} photo?", "Delete {n} photos?", photos.length);
    const forGood = _("This server keeps no trash: what is deleted is gone for good at once.");
    const intoTrash = ngettext(
      "They go into the trash, where you can restore them for {n} day.",
      "They go into the trash, where you can restore them for {n} days.",
      days,
    );
    const remove = () => this.removeNow(photos, days > 0);
    if (days && photos.length === 1) return remove();
    const label = days ? _("Delete") : _("Delete for good");
    confirmDialog(title, h("p", {}, days ? intoTrash : forGood), label, () => remove().catch(showError), "danger");
  }

  /** @param {AnyPhoto[]} photos @param {boolean} hasTrash */
  async removeNow(photos, hasTrash) {
    const { changed, gone, stay } = await deleted(photos);
    const stays = stay ? [ngettext("Its file stays in its folder.", "Their files stay in their folders.", stay)] : [];
    const inTrash = ngettext("{n} photo is in the trash.", "{n} photos are in the trash.", changed);
    const forGood = ngettext("{n} photo is deleted for good.", "{n} photos are deleted for good.", changed);
    const known = gone ? [ngettext("{n} photo was gone already.", "{n} photos were gone already.", gone)] : [];
    const sentence = [...(changed ? [hasTrash ? inTrash : forGood] : []), ...stays, ...known].join(" ");
    toast(sentence, hasTrash && changed ? () => this.restore(photos) : undefined);
    this.host.onremove(photos);
  }

  /** @param {AnyPhoto[]} photos */
  async restore(photos) {
    try {
      await inBatches(photos.map(idOf), (ids) => call("POST", "/trash/photos/restore", { body: { photo_ids: ids } }));
      toast(ngettext("{n} photo is back in the library.", "{n} photos are back in the library.", photos.length));
      this.host.onreturn(photos);
    } catch (error) {
      showError(error);
    }
  }

  /** One as it is, many as one zip file. @param {AnyPhoto[]} photos */
  async download(photos) {
    const [first] = photos;
    if (first && photos.length === 1) return h("a", { href: first.original_url, download: first.filename }).click();
    if (photos.length > PER_REQUEST) {
      return toast(_("One download holds at most {n} photos. Choose fewer.", { n: PER_REQUEST }));
    }
    h("a", { href: `/api/v1/photos/archive?ids=${idRanges(photos.map(idOf))}`, download: "" }).click();
  }
}

/** Whether only its id and its collection are known: it was chosen without being shown. @param {AnyPhoto} photo */
const isUnread = (photo) => "unread" in photo && photo.unread === true;

/** @param {number} milliseconds since 1970 */
const isoDay = (milliseconds) => new Date(milliseconds).toISOString().slice(0, 10);

/** What is known before it is changed. @param {AnyPhoto[]} photos */
function datesOf(photos) {
  const [photo] = photos;
  if (photos.some(isUnread)) return _("Some of them are not shown here: their dates may be of any time.");
  if (photo && photos.length === 1) return _("Until now: {sentence}.", { sentence: takenSentence(photo) });
  const moments = photos.flatMap((each) => each.taken_at ?? []).sort();
  const [from, until] = [moments[0], moments.at(-1)];
  if (!from || !until) return _("Until now their dates are unknown.");
  return _("Until now: from {from} to {until}.", { from: formatTaken(from), until: formatTaken(until) });
}

/** @param {AnyPhoto} photo @returns {Place} */
const placeOf = ({ collection_id: id, collection: name }) => ({ id, name });

/** Delete photos; some may have been deleted elsewhere meanwhile. @param {AnyPhoto[]} photos */
async function deleted(photos) {
  const answers = await inBatches(photos.map(idOf), (ids) =>
    call("POST", "/photos/delete", { body: { photo_ids: ids } }).catch((error) => {
      if (error instanceof ApiError && error.status === 404) return { changed: 0, gone: ids.length, files_stay: 0 };
      throw error;
    }),
  );
  const sum = (/** @type {number[]} */ counts) => counts.reduce((total, count) => total + count, 0);
  return {
    changed: sum(answers.map((answer) => answer.changed)),
    gone: sum(answers.map((answer) => answer.gone)),
    stay: sum(answers.map((answer) => answer.files_stay)),
  };
}

/**
 * Give photos a category.
 *
 * @param {AnyPhoto[]} photos
 * @param {string|null} name
 * @returns {Promise<Map<number, string|null>>} the category that each had, by its id
 */
async function labelled(photos, name) {
  const answers = await inBatches(photos.map(idOf), (ids) =>
    call("POST", "/photos/category", { body: { photo_ids: ids, category: name } }),
  );
  for (const photo of photos) photo.category = name;
  const before = answers.flatMap((answer) => answer.before);
  return new Map(before.flatMap(({ category, photo_ids: ids }) => ids.map((id) => [id, category])));
}

/**
 * Move photos, and say of each where it is and what its id is now.
 *
 * @param {AnyPhoto[]} photos
 * @param {Place} to
 * @returns {Promise<Set<AnyPhoto>>} those that stay, for they are there already
 */
async function moved(photos, to) {
  const answers = await inBatches(photos.map(idOf), (ids) =>
    call("POST", "/photos/move", { body: { photo_ids: ids, collection_id: to.id } }),
  );
  const duplicates = new Set(answers.flatMap((answer) => answer.duplicates));
  const kept = new Set(photos.filter((photo) => duplicates.has(idOf(photo))));
  /** @type {Record<string, number>} where a copy in the trash took a photo's place: by the photo's id */
  const replaced = Object.assign({}, ...answers.map((answer) => answer.replaced));
  for (const photo of photos) {
    if (kept.has(photo)) continue;
    Object.assign(photo, { collection_id: to.id, collection: to.name });
    const id = replaced[idOf(photo)];
    if (id !== undefined) renumber(photo, id);
  }
  return kept;
}

/** @param {AnyPhoto} photo @param {number} id */
function renumber(photo, id) {
  const [before, after] = [`/photos/${idOf(photo)}/`, `/photos/${id}/`];
  for (const name of /** @type {const} */ (["thumbnail_url", "preview_url", "original_url"])) {
    photo[name] = photo[name].replace(before, after);
  }
  if ("id" in photo) photo.id = id;
  if ("photo_id" in photo) photo.photo_id = id;
}

/** @param {number} moved @param {number} kept @param {string} name */
function movedSentence(moved, kept, name) {
  const gone = ngettext("{n} photo is in “{name}” now.", "{n} photos are in “{name}” now.", moved, { name });
  const stayed = ngettext(
    "{n} photo stays: the other collection has it already.",
    "{n} photos stay: the other collection has them already.",
    kept,
  );
  return [...(moved || !kept ? [gone] : []), ...(kept ? [stayed] : [])].join(" ");
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

/** Whether a collection is another than the one all of the photos are in. @param {AnyPhoto[]} photos */
function elsewhere(photos) {
  const inside = new Set(photos.map((photo) => photo.collection_id));
  return (/** @type {Place} */ { id }) => inside.size > 1 || !inside.has(id);
}
