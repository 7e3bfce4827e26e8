// The page Models: bring in a bundle, see what it costs, build, switch, go back.

import { call, get } from "../lib/api.js";
import { ask, byId, duration, keepLooking, make, say, size } from "../lib/dom.js";
import { pace } from "../components/job_entry.js";
import { _, ngettext } from "../lib/i18n.js";

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
    make("p", { class: "hint" }, [_("photo encoder {encoder}", { encoder: space.photo_encoder }), _("added {date}", { date: new Date(model.created_at).toLocaleDateString() }), ...figures(model)].join(" · ")),
    make("p", {}, state(model, space, sameSpace)),
    ...(job?.state === "running" || job?.state === "paused" ? [bar(job)] : []),
    make("div", { class: "row" }, ...actions(model, space, active)));
}

/** @param {any} model @param {any} space */
function word(model, space) {
  if (model.active) return _("answers searches");
  if (space.state === "dropping") return _("being removed");
  if (space.state === "known") return _("not built");
  return waiting(space) ? _("being built") : _("ready");
}

const waiting = (/** @type {any} */ space) => space.counts.pending + space.counts.leased;
const total = (/** @type {any} */ space) => Object.values(space.counts).reduce((sum, count) => sum + /** @type {number} */ (count), 0);

/** @param {any} model */
function figures(model) {
  const dev = model.metrics.find((/** @type {any} */ each) => each?.protocol?.name === "dev");
  const map = dev?.rows?.generator_and_query_encoder?.map;
  return map === undefined ? [] : [_("mAP {map} on its makers' test (dev)", { map: map.toFixed(3) })];
}

/** @param {any} model @param {any} space @param {boolean} sameSpace */
function state(model, space, sameSpace) {
  if (space.state === "known") {
    const { photos, seconds, index_bytes: disk, memory_bytes: memory } = space.cost;
    const time = seconds === null ? _("an unknown time") : _("about {duration}", { duration: duration(seconds) });
    return [ngettext("A new photo encoder: {n} photo would have to be embedded.", "A new photo encoder: {n} photos would have to be embedded.", photos),
      _("That takes {time}, {disk} of disk and {memory} of memory. Searches go on meanwhile.", { time, disk: size(disk), memory: size(memory) })].join(" ");
  }
  if (space.state === "dropping") return _("Its index is being removed.");
  const { indexed, failed, skipped } = space.counts;
  const values = { indexed, missing: failed + skipped };
  const at = values.missing
    ? ngettext("{indexed} of {n} photo searchable, {missing} could not be embedded.", "{indexed} of {n} photos searchable, {missing} could not be embedded.", total(space), values)
    : ngettext("{indexed} of {n} photo searchable.", "{indexed} of {n} photos searchable.", total(space), values);
  if (model.active) return at;
  return sameSpace ? [_("Uses the same index as the active version: switching takes a moment."), at].join(" ") : at;
}

/** @param {any} job */
function bar(job) {
  const done = job.total - job.waiting;
  const left = job.state === "paused" ? _("paused") : job.seconds_left === null ? "" : pace(job);
  return make("p", { class: "job" }, make("progress", { max: job.total || 1, value: done, "aria-label": _("Photos embedded") }),
    make("a", { href: `/admin/jobs/${job.id}` }, _("Job {number}: {done} of {total}", { number: String(job.id), done, total: job.total })), make("span", { class: "hint" }, ` ${left}`));
}

/** @param {any} model @param {any} space @param {any} active */
function actions(model, space, active) {
  if (model.active) return [];
  const buttons = [];
  if (space.state === "known") buttons.push(make("button", { class: "primary", onclick: () => build(space) }, _("Build")));
  if (space.state === "open") {
    const older = active && model.id < active.id;
    buttons.push(make("button", { class: waiting(space) ? "" : "primary", onclick: () => activate(model, space) }, older ? _("Go back to it") : _("Switch to it")));
    if (active) buttons.push(make("a", { class: "button", href: `/admin/compare?first=${active.id}&second=${model.id}` }, _("Compare")));
    if (active?.space_id !== model.space_id) buttons.push(make("button", { class: "quiet", onclick: () => drop(model, space) }, _("Free its index")));
  }
  if (space.state !== "dropping") buttons.push(make("button", { class: "quiet", onclick: () => remove(model) }, _("Remove")));
  return buttons;
}

/** @param {any} space */
const build = (space) => act(call("POST", `/spaces/${space.id}/build`), _("The photos are being embedded. Searches go on as before."));

/** @param {any} model @param {any} space */
function activate(model, space) {
  const missing = waiting(space);
  const go = () => act(call("POST", `/models/${model.id}/activate?incomplete=${missing > 0}`), _("{name} answers searches now.", { name: model.name }));
  if (!missing) return go();
  const text = make("p", {}, ngettext("{missing} of {n} photo is not embedded for it yet and will not be found until it is.", "{missing} of {n} photos are not embedded for it yet and will not be found until they are.", total(space), { missing }));
  return ask(_("Switch to {name} already?", { name: model.name }), text, _("Switch anyway"), go, "danger");
}

/** @param {any} model @param {any} space */
function drop(model, space) {
  const text = make("p", {}, ngettext("{n} embedded photo is forgotten. The version stays, and can be built again.", "{n} embedded photos are forgotten. The version stays, and can be built again.", space.counts.indexed));
  ask(_("Free the index of {name}?", { name: model.name }), text, _("Free it"), () => act(call("DELETE", `/spaces/${space.id}`), _("The index is being removed.")), "danger");
}

/** @param {any} model */
function remove(model) {
  const text = make("p", {}, _("Its files are deleted, and its index too if no other version uses it. Photos are not touched."));
  ask(_("Remove {name}?", { name: model.name }), text, _("Remove"), () => act(call("DELETE", `/models/${model.id}`), _("Removed.")), "danger");
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
  byId("progress").textContent = _("Sending and trying {name} ({size})…", { name: file.name, size: size(file.size) });
  event.target.disabled = true;
  try {
    const model = await call("POST", "/models", form);
    byId("progress").textContent = _("{name} works here. It does not answer searches yet.", { name: model.name });
    await load();
  } catch (error) { byId("progress").textContent = _("{name} was not taken: {reason}", { name: file.name, reason: /** @type {Error} */ (error).message }); }
  event.target.value = "";
  event.target.disabled = false;
});
byId("bundle").disabled = false;
keepLooking(load, 2000).catch(failed);
