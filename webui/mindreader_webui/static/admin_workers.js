// The page Workers: which there are, and whether they work.

import { get } from "./api.js";
import { byId, counted, duration, keepLooking, make, say } from "./dom.js";

async function load() {
  const { workers } = await get("/workers");
  byId("workers").replaceChildren(...workers.map((/** @type {any} */ worker) => make("li", {},
    make("div", { class: "row spread" }, make("h2", {}, worker.name), make("span", { class: worker.works ? "badge" : "badge bad" }, worker.works ? "works" : "does not work")),
    make("p", { class: "hint" }, [`queue ${worker.queue}`, `on ${worker.device}`, last(worker), counted(worker.tasks, "task", "tasks"), ...(worker.queue === "embed" ? [counted(worker.photos, "photo", "photos")] : [])].join(" · ")),
    ...(worker.last_error ? [make("p", { class: "problem" }, worker.last_error)] : []))));
  if (!workers.length) byId("workers").replaceChildren(make("li", { class: "problem" }, "No worker has been heard of in the last day. Start one: `celery -A mindreader_workers.app worker --pool solo --queues search,embed`."));
}

/** @param {any} worker */
const last = (worker) => worker.last_task_at ? `last task ${duration((Date.now() - Date.parse(worker.last_task_at)) / 1000)} ago` : "no task yet";

keepLooking(load, 5000).catch((/** @type {Error} */ error) => say(error.message));
