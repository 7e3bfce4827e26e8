// The page Models: bring in a bundle, see what it costs, build, switch, go back.

import { call, get } from "./api.js";
import { ask, byId, counted, duration, keepLooking, make, say, size } from "./dom.js";

async function load() {
  const [{ models }, { spaces }, { jobs }] = await Promise.all([get("/models"), get("/spaces"), get("/jobs")]);
  const spaceOf = new Map(spaces.map((/** @type {any} */ space) => [space.id, space]));
  const jobOf = new Map([...jobs].reverse().map((/** @type {any} */ job) => [job.space_id, job]));
  const active = models.find((/** @type {any} */ model) => model.active);
  // Only what changed is drawn anew: a button must not vanish under the finger that presses it.
  const key = JSON.stringify([models, spaces, jobs]);
  if (byId("models").dataset.shown === key) return;
  byId("models").dataset.shown = key;
  byId("models").replaceChildren(...models.map((/** @type {any} */ model) =>
    entry(model, spaceOf.get(model.space_id), jobOf.get(model.space_id), active)));
}

/** @param {any} model @param {any} space @param {any} job @param {any} active */
function entry(model, space, job, active) {
  const sameSpace = active && active.space_id === model.space_id;
  return make("li", { class: model.active ? "chosen" : "" },
    make("div", { class: "row spread" }, make("h2", {}, model.name), make("span", { class: "badge" }, word(model, space))),
    make("p", { class: "hint" }, [`photo encoder ${space.photo_encoder}`, `added ${new Date(model.created_at).toLocaleDateString()}`, ...figures(model)].join(" · ")),
    make("p", {}, state(model, space, sameSpace)),
    ...(job?.state === "running" || job?.state === "paused" ? [bar(job)] : []),
    make("div", { class: "row" }, ...actions(model, space, active)));
}

/** @param {any} model @param {any} space */
function word(model, space) {
  if (model.active) return "answers searches";
  if (space.state === "dropping") return "being removed";
  if (space.state === "known") return "not built";
  return waiting(space) ? "being built" : "ready";
}

const waiting = (/** @type {any} */ space) => space.counts.pending + space.counts.leased;
const total = (/** @type {any} */ space) => Object.values(space.counts).reduce((sum, count) => sum + /** @type {number} */ (count), 0);

/** @param {any} model */
function figures(model) {
  const dev = model.metrics.find((/** @type {any} */ each) => each?.protocol?.name === "dev");
  const map = dev?.rows?.generator_and_query_encoder?.map;
  return map === undefined ? [] : [`mAP ${map.toFixed(3)} on its makers' test (dev)`];
}

/** @param {any} model @param {any} space @param {boolean} sameSpace */
function state(model, space, sameSpace) {
  if (space.state === "known") {
    const { photos, seconds, index_bytes: disk, memory_bytes: memory } = space.cost;
    const time = seconds === null ? "an unknown time" : `about ${duration(seconds)}`;
    return `A new photo encoder: ${counted(photos, "photo", "photos")} would have to be embedded. That takes ${time}, ${size(disk)} of disk and ${size(memory)} of memory. Searches go on meanwhile.`;
  }
  if (space.state === "dropping") return "Its index is being removed.";
  const { indexed, failed, skipped } = space.counts;
  const missing = failed + skipped ? `, ${failed + skipped} could not be embedded` : "";
  const at = `${indexed.toLocaleString()} of ${counted(total(space), "photo", "photos")} searchable${missing}.`;
  if (model.active) return at;
  return sameSpace ? `Uses the same index as the active version: switching takes a moment. ${at}` : at;
}

/** @param {any} job */
function bar(job) {
  const done = job.total - job.waiting;
  const left = job.state === "paused" ? "paused" : job.seconds_left === null ? "" : `${job.photos_per_second.toFixed(1)} photos/s, ${duration(job.seconds_left)} left`;
  return make("p", { class: "job" }, make("progress", { max: job.total || 1, value: done, "aria-label": "Photos embedded" }),
    make("a", { href: `/admin/jobs/${job.id}` }, `Job ${job.id}: ${done} of ${job.total}`), make("span", { class: "hint" }, ` ${left}`));
}

/** @param {any} model @param {any} space @param {any} active */
function actions(model, space, active) {
  if (model.active) return [];
  const buttons = [];
  if (space.state === "known") buttons.push(make("button", { class: "primary", onclick: () => build(space) }, "Build"));
  if (space.state === "open") {
    const older = active && model.id < active.id;
    buttons.push(make("button", { class: waiting(space) ? "" : "primary", onclick: () => activate(model, space) }, older ? "Go back to it" : "Switch to it"));
    if (active) buttons.push(make("a", { class: "button", href: `/admin/compare?first=${active.id}&second=${model.id}` }, "Compare"));
    if (active?.space_id !== model.space_id) buttons.push(make("button", { class: "quiet", onclick: () => drop(model, space) }, "Free its index"));
  }
  if (space.state !== "dropping") buttons.push(make("button", { class: "quiet", onclick: () => remove(model) }, "Remove"));
  return buttons;
}

/** @param {any} space */
const build = (space) => act(call("POST", `/spaces/${space.id}/build`), "The photos are being embedded. Searches go on as before.");

/** @param {any} model @param {any} space */
function activate(model, space) {
  const missing = waiting(space);
  const go = () => act(call("POST", `/models/${model.id}/activate?incomplete=${missing > 0}`), `${model.name} answers searches now.`);
  if (!missing) return go();
  const text = make("p", {}, `${missing.toLocaleString()} of ${counted(total(space), "photo", "photos")} are not embedded for it yet and will not be found until they are.`);
  return ask(`Switch to ${model.name} already?`, text, "Switch anyway", go, "danger");
}

/** @param {any} model @param {any} space */
function drop(model, space) {
  const text = make("p", {}, `${counted(space.counts.indexed, "embedded photo", "embedded photos")} are forgotten. The version stays, and can be built again.`);
  ask(`Free the index of ${model.name}?`, text, "Free it", () => act(call("DELETE", `/spaces/${space.id}`), "The index is being removed."), "danger");
}

/** @param {any} model */
function remove(model) {
  const text = make("p", {}, "Its files are deleted, and its index too if no other version uses it. Photos are not touched.");
  ask(`Remove ${model.name}?`, text, "Remove", () => act(call("DELETE", `/models/${model.id}`), "Removed."), "danger");
}

/** @param {Promise<any>} request @param {string} sentence */
const act = (request, sentence) => request.then(() => { say(sentence); return load(); }).catch(failed);

/** @param {Error} error */
const failed = (error) => say(error.message);

byId("bundle").addEventListener("change", async (/** @type {any} */ event) => {
  const [file] = event.target.files;
  if (!file) return;
  const form = new FormData();
  form.append("bundle", file);
  byId("progress").hidden = false;
  byId("progress").textContent = `Sending and trying ${file.name} (${size(file.size)})…`;
  event.target.disabled = true;
  try {
    const model = await call("POST", "/models", form);
    byId("progress").textContent = `${model.name} works here. It does not answer searches yet.`;
    await load();
  } catch (error) { byId("progress").textContent = `${file.name} was not taken: ${/** @type {Error} */ (error).message}`; }
  event.target.value = "";
  event.target.disabled = false;
});
byId("bundle").disabled = false;
keepLooking(load, 2000).catch(failed);
