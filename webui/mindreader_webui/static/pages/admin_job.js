// The page of one job: live progress, and the photos that failed.

import { call, get } from "../lib/api.js";
import { ask, byId, keepLooking, make, say } from "../lib/dom.js";
import { jobEntry } from "../components/job_entry.js";
import { _, ngettext } from "../lib/i18n.js";

const id = byId("job").dataset.job;
/** @type {number|null} */
let next = 0;
let failures = -1;

async function load() {
  const job = await get(`/jobs/${id}`);
  const key = JSON.stringify(job);
  if (byId("job").dataset.shown !== key) {
    byId("job").dataset.shown = key;
    byId("job").replaceChildren(...jobEntry(job, load, make("h1", {}, _("Job {number}", { number: id }))));
  }
  byId("failures").hidden = job.failed + job.skipped === 0;
  byId("skip-all").disabled = job.failed === 0;
  if (job.failed + job.skipped !== failures) {
    failures = job.failed + job.skipped;
    await list();
  }
}

async function list() {
  next = 0;
  byId("failed").replaceChildren();
  await more();
}

async function more() {
  const page = await get(`/jobs/${id}/failed?after=${next}`);
  next = page.next;
  byId("more").hidden = next === null;
  byId("failed").append(...page.photos.map(entry));
}

/** @param {any} photo */
function entry(photo) {
  const act = (/** @type {string} */ what) => change(`/failed/${photo.photo_id}`, what);
  return make("li", { class: "failure" }, make("a", { href: photo.original_url, target: "_blank" }, make("img", { src: photo.thumbnail_url, alt: _("Photo {name}", { name: photo.filename }), width: 96, height: 96, loading: "lazy" })),
    make("div", {}, make("strong", {}, photo.filename), make("p", { class: "hint" }, ngettext("{collection} · tried {n} time", "{collection} · tried {n} times", photo.attempts, { collection: photo.collection })), make("p", { class: "problem" }, photo.reason)),
    make("div", { class: "row" }, make("button", { onclick: () => act("retry") }, _("Try again")),
      photo.skipped ? make("span", { class: "badge" }, _("skipped")) : make("button", { class: "quiet", onclick: () => act("skip") }, _("Skip for good"))));
}

/** @param {string} which @param {string} what */
async function change(which, what) {
  try {
    const { photos } = await call("POST", `/jobs/${id}${which}/${what}`);
    say(what === "retry" ? ngettext("{n} photo will be tried again.", "{n} photos will be tried again.", photos) : ngettext("{n} photo left out for good.", "{n} photos left out for good.", photos));
    failures = -1;
    await load();
  } catch (error) { say(/** @type {Error} */ (error).message); }
}

byId("retry-all").onclick = () => change("", "retry");
byId("skip-all").onclick = () => ask(_("Skip all of them for good?"), make("p", {}, _("They will not be found by searches with this photo encoder. You can still try them again later.")), _("Skip all"), () => change("", "skip"), "danger");
byId("more").onclick = () => more().catch((/** @type {Error} */ error) => say(error.message));
keepLooking(load, 2000).catch((/** @type {Error} */ error) => say(error.message));
