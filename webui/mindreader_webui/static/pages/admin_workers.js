// The page System: how much there is and where, which workers there are, and whether they work.

import { get } from "../lib/api.js";
import { byId, h, poll, showError } from "../lib/dom.js";
import { formatBytes, formatDuration, formatNumber } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";
import { redraw } from "../lib/redraw.js";

/** @import { System, Worker } from "../../../typings/api" */

const POLL_MS = 5000;
const COMMAND = "celery -A mindreader_workers.app worker --pool solo --queues search,embed";

async function load() {
  const [{ workers }, system] = await Promise.all([get("/workers"), get("/system")]);
  const facts = factsOf(system);
  redraw(byId("system"), ...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  redraw(byId("workers"), ...(workers.length ? workers.map(entry) : [noWorkers()]));
}

/** @param {System} system @returns {[name: string, value: string][]} */
function factsOf(system) {
  const photos = ngettext("{n} photo", "{n} photos", system.photos);
  const collections = ngettext("{n} collection", "{n} collections", system.collections);
  const originals = formatBytes(system.original_bytes);
  const disk = { free: formatBytes(system.disk_free_bytes), all: formatBytes(system.disk_bytes) };
  return [
    [_("Photos"), _("{photos} in {collections}, {size} of originals", { photos, collections, size: originals })],
    [_("Users"), formatNumber(system.users)],
    [_("Waiting"), waiting(system)],
    [_("Being removed"), ngettext("{n} deleted photo", "{n} deleted photos", system.trashed_photos)],
    [_("Disk"), _("{free} free of {all}", disk)],
    [_("Catalog"), withSize(system.catalog, system.catalog_bytes)],
    [_("Photo index"), withSize(system.photo_index, system.index_bytes)],
    [_("Files"), system.blobs],
    [_("Task queue"), system.broker],
  ];
}

/** @param {System} system */
function waiting({ waiting: n, failed }) {
  if (!n && !failed) return _("nothing");
  return ngettext("{n} photo to embed, {failed} failed", "{n} photos to embed, {failed} failed", n, { failed });
}

/** @param {string} name @param {number|null} bytes null where it lies on another machine */
const withSize = (name, bytes) => (bytes === null ? name : `${name}, ${formatBytes(bytes)}`);

/** @param {Worker} worker */
function entry(worker) {
  const parts = [
    _("queue {queue}", { queue: worker.queue }),
    _("on {device}", { device: worker.device }),
    lastTask(worker),
    ngettext("{n} task", "{n} tasks", worker.tasks),
  ];
  if (worker.queue === "embed") parts.push(ngettext("{n} photo", "{n} photos", worker.photos));
  const badge = worker.alive
    ? h("span", { class: "badge" }, _("alive"))
    : h("span", { class: "badge bad" }, _("does not work"));
  return h(
    "li",
    {},
    h("div", { class: "row spread" }, h("h3", {}, worker.name), badge),
    h("p", { class: "hint" }, parts.join(" · ")),
    ...(worker.last_error ? [h("p", { class: "problem" }, worker.last_error)] : []),
  );
}

/** @param {Worker} worker */
function lastTask({ last_task_at: moment }) {
  if (!moment) return _("no task yet");
  return _("last task {duration} ago", { duration: formatDuration((Date.now() - Date.parse(moment)) / 1000) });
}

const noWorkers = () =>
  h(
    "li",
    { class: "problem" },
    _("No worker has been heard of in the last day. Start one: {command}", { command: COMMAND }),
  );

poll(load, POLL_MS).catch(showError);
