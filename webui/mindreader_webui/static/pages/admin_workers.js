// The page System: how much there is and where, which workers there are, and whether they work.

import { get } from "../lib/api.js";
import { byId, duration, keepLooking, make, say, size } from "../lib/dom.js";
import { _, ngettext } from "../lib/i18n.js";

async function load() {
  const [{ workers }, system] = await Promise.all([get("/workers"), get("/system")]);
  const photos = ngettext("{n} photo", "{n} photos", system.photos);
  const collections = ngettext("{n} collection", "{n} collections", system.collections);
  const facts = [
    [_("Photos"), _("{photos} in {collections}, {size} of originals", { photos, collections, size: size(system.original_bytes) })],
    [_("Users"), system.users.toLocaleString()],
    [_("Waiting"), system.waiting || system.failed ? ngettext("{n} photo to embed, {failed} failed", "{n} photos to embed, {failed} failed", system.waiting, { failed: system.failed }) : _("nothing")],
    [_("Being removed"), ngettext("{n} deleted photo", "{n} deleted photos", system.trashed_photos)],
    [_("Disk"), _("{free} free of {all}", { free: size(system.disk_free_bytes), all: size(system.disk_bytes) })],
    [_("Catalog"), system.catalog + (system.catalog_bytes === null ? "" : `, ${size(system.catalog_bytes)}`)],
    [_("Photo index"), system.photo_index + (system.index_bytes === null ? "" : `, ${size(system.index_bytes)}`)],
    [_("Files"), system.blobs], [_("Task queue"), system.broker],
  ];
  byId("system").replaceChildren(...facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  byId("workers").replaceChildren(...workers.map((/** @type {any} */ worker) => make("li", {},
    make("div", { class: "row spread" }, make("h3", {}, worker.name), make("span", { class: worker.alive ? "badge" : "badge bad" }, worker.alive ? _("alive") : _("does not work"))),
    make("p", { class: "hint" }, [_("queue {queue}", { queue: worker.queue }), _("on {device}", { device: worker.device }), last(worker), ngettext("{n} task", "{n} tasks", worker.tasks), ...(worker.queue === "embed" ? [ngettext("{n} photo", "{n} photos", worker.photos)] : [])].join(" · ")),
    ...(worker.last_error ? [make("p", { class: "problem" }, worker.last_error)] : []))));
  if (!workers.length) byId("workers").replaceChildren(make("li", { class: "problem" }, _("No worker has been heard of in the last day. Start one: {command}", { command: "celery -A mindreader_workers.app worker --pool solo --queues search,embed" })));
}

/** @param {any} worker */
const last = (worker) => worker.last_task_at ? _("last task {duration} ago", { duration: duration((Date.now() - Date.parse(worker.last_task_at)) / 1000) }) : _("no task yet");

keepLooking(load, 5000).catch((/** @type {Error} */ error) => say(error.message));
