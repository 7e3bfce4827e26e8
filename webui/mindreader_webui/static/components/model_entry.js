// One model version as the page Models shows it: what it is, where its photos stand, what can be done with it.

import { h } from "../lib/dom.js";
import { formatBytes, formatDate, formatDuration, formatPercent } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";
import { jobProgress, pace } from "./job_entry.js";
import { learnedFacts } from "./learning.js";

/** @import { Job, Model, Space } from "../../../typings/api" */

/**
 * @typedef {object} Entry
 * @property {Model} model
 * @property {Space} space of its photo encoder
 * @property {Job} [job] the newest that builds the space
 * @property {Model} [active] the version that answers searches
 */
/** @typedef {Model["addable_regions"][number]} Addable regions that the version could be added with, and what building that takes */
/**
 * @typedef {Record<"activate"|"build"|"dropSpace"|"remove", (entry: Entry) => unknown> &
 *   {addRegions: (entry: Entry, addable: Addable) => unknown}} Actions
 */

/** @param {Entry} entry @param {Actions} actions */
export function modelEntry(entry, actions) {
  const { model, job } = entry;
  const isBuilding = job?.state === "running" || job?.state === "paused";
  return h(
    "li",
    { "data-key": model.id, class: model.active ? "active" : "" },
    h("div", { class: "row spread" }, h("h2", {}, model.name), h("span", { class: "badge" }, stateBadge(entry))),
    h("p", { class: "hint" }, facts(entry).join(" · ")),
    ...learnedFacts(model).map((sentence) => h("p", {}, sentence)),
    h("p", {}, stateText(entry)),
    ...(isBuilding ? [progress(job)] : []),
    h("div", { class: "row" }, ...buttons(entry, actions)),
  );
}

/** Photos that are not embedded yet. @param {Space} space */
export const waitingPhotos = ({ counts }) => counts.pending + counts.leased;

/** @param {Space} space */
export const totalPhotos = ({ counts }) => Object.values(counts).reduce((sum, count) => sum + count, 0);

/** @param {Entry} entry */
function stateBadge({ model, space }) {
  if (model.active) return _("answers searches");
  if (space.state === "dropping") return _("being removed");
  if (space.state === "known") return _("not built");
  return waitingPhotos(space) ? _("being built") : _("ready");
}

/** @param {Entry} entry */
function facts({ model, space }) {
  const parts = [
    _("photo encoder {encoder}", { encoder: space.photo_encoder }),
    ...(model.regions === "none" ? [] : [_("with regions ({scheme})", { scheme: model.regions })]),
    _("added {date}", { date: formatDate(model.created_at) }),
  ];
  const map = devMap(model);
  if (map !== undefined) {
    parts.push(_("{share} in its makers’ test (mean average precision)", { share: formatPercent(map) }));
  }
  return parts;
}

/** @typedef {{protocol?: {name?: string}, rows?: Record<string, {map?: number}>}} Report as a bundle brings it */

/** Its mean average precision by the protocol `dev`. @param {Model} model */
function devMap(model) {
  const reports = /** @type {Report[]} */ (model.metrics);
  const dev = reports.find((report) => report?.protocol?.name === "dev");
  return dev?.rows?.generator_and_query_encoder?.map;
}

/** @param {Entry} entry */
function stateText({ model, space, active }) {
  if (space.state === "known") return [newSpace(model, space), costSentence(space.cost)].join(" ");
  if (space.state === "dropping") return _("Its index is being removed.");
  if (model.active || active?.space_id !== model.space_id) return searchable(space);
  return [_("Uses the same index as the active version: switching takes a moment."), searchable(space)].join(" ");
}

/** @param {Model} model @param {Space} space */
function newSpace({ regions }, { cost: { photos } }) {
  if (regions === "none") {
    return ngettext(
      "An index of its own: {n} photo would have to be embedded.",
      "An index of its own: {n} photos would have to be embedded.",
      photos,
    );
  }
  return ngettext(
    "An index with regions: {n} photo would have to be embedded.",
    "An index with regions: {n} photos would have to be embedded.",
    photos,
  );
}

/** What building takes. @param {Space["cost"]} cost */
export function costSentence({ seconds, index_bytes: disk, memory_bytes: memory }) {
  const values = {
    time: seconds === null ? _("an unknown time") : _("about {duration}", { duration: formatDuration(seconds) }),
    disk: formatBytes(disk),
    memory: formatBytes(memory),
  };
  return _("That takes {time}, {disk} of disk and {memory} of memory. Searches go on meanwhile.", values);
}

/** @param {Space} space */
function searchable(space) {
  const { indexed, failed, skipped } = space.counts;
  const total = totalPhotos(space);
  const missing = failed + skipped;
  if (!missing) {
    return ngettext("{indexed} of {n} photo searchable.", "{indexed} of {n} photos searchable.", total, { indexed });
  }
  return ngettext(
    "{indexed} of {n} photo searchable, {missing} could not be embedded.",
    "{indexed} of {n} photos searchable, {missing} could not be embedded.",
    total,
    { indexed, missing },
  );
}

/** @param {Job} job */
function progress(job) {
  const values = { number: String(job.id), done: job.total - job.waiting, total: job.total };
  return h(
    "p",
    { class: "job" },
    jobProgress(job),
    h("a", { href: `/admin/jobs/${job.id}` }, _("Job {number}: {done} of {total}", values)),
    h("span", { class: "hint" }, ` ${job.state === "paused" ? _("paused") : pace(job)}`),
  );
}

/** @param {Entry} entry @param {Actions} actions */
function buttons(entry, actions) {
  const { model, space, active } = entry;
  const add = [
    ...addButton(entry, actions, "float", _("Add with regions…")),
    ...addButton(entry, actions, "int8", _("Add in int8…")),
  ];
  if (model.active) return add;
  /** @type {HTMLElement[]} */
  const shown = [];
  if (space.state === "known") {
    shown.push(h("button", { class: "primary", onclick: () => actions.build(entry) }, _("Build")));
  }
  if (space.state === "open") {
    const kind = waitingPhotos(space) ? "" : "primary";
    const label = model.activated_at ? _("Go back to it") : _("Switch to it");
    shown.push(h("button", { class: kind, onclick: () => actions.activate(entry) }, label));
    if (active) shown.push(h("a", { class: "button", href: compareUrl(active, model) }, _("Compare")));
    if (active?.space_id !== model.space_id) {
      shown.push(h("button", { class: "quiet", onclick: () => actions.dropSpace(entry) }, _("Free its index")));
    }
  }
  shown.push(...add);
  if (space.state !== "dropping") {
    shown.push(h("button", { class: "quiet", onclick: () => actions.remove(entry) }, _("Remove")));
  }
  return shown;
}

/** For the best regions the version could be added with. @param {Entry} entry @param {Actions} actions @param {Addable["precision"]} precision @param {string} label */
function addButton(entry, actions, precision, label) {
  const best = entry.model.addable_regions.find((addable) => addable.precision === precision);
  return best ? [h("button", { class: "quiet", onclick: () => actions.addRegions(entry, best) }, label)] : [];
}

/** @param {Model} first @param {Model} second */
const compareUrl = (first, second) => `/admin/compare?first=${first.id}&second=${second.id}`;
