// The page System: how much there is and where, which workers there are, and whether they work.

import { get } from "./api.js";
import { byId, counted, duration, keepLooking, make, say, size } from "./dom.js";

async function load() {
  const [{ workers }, system] = await Promise.all([get("/workers"), get("/system")]);
  const facts = [
    ["Photos", `${counted(system.photos, "photo", "photos")} in ${counted(system.collections, "collection", "collections")}, ${size(system.original_bytes)} of originals`],
    ["Users", system.users.toLocaleString()],
    ["Waiting", system.waiting || system.failed ? `${counted(system.waiting, "photo", "photos")} to embed, ${system.failed} failed` : "nothing"],
    ["Being removed", counted(system.binned_photos, "deleted photo", "deleted photos")],
    ["Disk", `${size(system.disk_free_bytes)} free of ${size(system.disk_bytes)}`],
    ["Catalog", system.catalog + (system.catalog_bytes === null ? "" : `, ${size(system.catalog_bytes)}`)],
    ["Photo index", system.photo_index + (system.index_bytes === null ? "" : `, ${size(system.index_bytes)}`)],
    ["Files", system.blobs], ["Task queue", system.broker],
  ];
  byId("system").replaceChildren(...facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  byId("workers").replaceChildren(...workers.map((/** @type {any} */ worker) => make("li", {},
    make("div", { class: "row spread" }, make("h3", {}, worker.name), make("span", { class: worker.works ? "badge" : "badge bad" }, worker.works ? "works" : "does not work")),
    make("p", { class: "hint" }, [`queue ${worker.queue}`, `on ${worker.device}`, last(worker), counted(worker.tasks, "task", "tasks"), ...(worker.queue === "embed" ? [counted(worker.photos, "photo", "photos")] : [])].join(" · ")),
    ...(worker.last_error ? [make("p", { class: "problem" }, worker.last_error)] : []))));
  if (!workers.length) byId("workers").replaceChildren(make("li", { class: "problem" }, "No worker has been heard of in the last day. Start one: `celery -A mindreader_workers.app worker --pool solo --queues search,embed`."));
}

/** @param {any} worker */
const last = (worker) => worker.last_task_at ? `last task ${duration((Date.now() - Date.parse(worker.last_task_at)) / 1000)} ago` : "no task yet";

keepLooking(load, 5000).catch((/** @type {Error} */ error) => say(error.message));
