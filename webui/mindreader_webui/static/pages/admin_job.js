// The page of one job: live progress, and the photos that failed.

import { jobEntry } from "../components/job_entry.js";
import { call, get } from "../lib/api.js";
import { byId, confirmDialog, h, poll, setDisabled, showError, toast } from "../lib/dom.js";
import { _, ngettext } from "../lib/i18n.js";
import { redraw } from "../lib/redraw.js";

/** @import { FailedPhoto } from "../../../typings/api" */
/** @typedef {"retry"|"skip"} Action */

const POLL_MS = 2000;

const id = Number(byId("job").dataset.job);
/** @type {number|null} */
let next = 0;
let failures = -1; // how many are listed

async function load() {
  const job = await get("/jobs/{job_id}", { path: { job_id: id } });
  redraw(byId("job"), ...jobEntry(job, load, heading()));
  setDisabled(job.failed === 0, "skip-all");
  if (job.failed + job.skipped === failures) return;
  failures = job.failed + job.skipped;
  await loadFailed();
}

const heading = () => h("h1", {}, _("Job {number}", { number: String(id) }));

async function loadFailed() {
  next = 0;
  byId("failed").replaceChildren();
  await loadMore();
  // The job's own numbers stay; what failed may have been tried again elsewhere since.
  byId("failures").hidden = byId("failed").children.length === 0;
}

async function loadMore() {
  const page = await get("/jobs/{job_id}/failed", { path: { job_id: id }, query: { after: next } });
  next = page.next;
  byId("more").hidden = next === null;
  byId("failed").append(...page.photos.map(entry));
}

/** @param {FailedPhoto} photo */
function entry(photo) {
  const { filename, collection, attempts, reason } = photo;
  const alt = _("Photo {name}", { name: filename });
  const image = h("img", { src: photo.thumbnail_url, alt, width: 96, height: 96, loading: "lazy" });
  const tried = ngettext("{collection} · tried {n} time", "{collection} · tried {n} times", attempts, { collection });
  const act = (/** @type {Action} */ action) => change(action, photo.photo_id).catch(showError);
  return h(
    "li",
    { class: "failure" },
    h("a", { href: photo.original_url, target: "_blank" }, image),
    h("div", {}, h("strong", {}, filename), h("p", { class: "hint" }, tried), h("p", { class: "problem" }, reason)),
    h(
      "div",
      { class: "row" },
      h("button", { onclick: () => act("retry") }, _("Try again")),
      photo.skipped
        ? h("span", { class: "badge" }, _("skipped"))
        : h("button", { class: "quiet", onclick: () => act("skip") }, _("Skip for good")),
    ),
  );
}

/** @param {Action} action @param {number} [photoId] all of them if none is named */
async function change(action, photoId) {
  const { photos } = photoId
    ? await call("POST", `/jobs/{job_id}/failed/{photo_id}/${action}`, { path: { job_id: id, photo_id: photoId } })
    : await call("POST", `/jobs/{job_id}/${action}`, { path: { job_id: id } });
  toast(
    action === "retry"
      ? ngettext("{n} photo will be tried again.", "{n} photos will be tried again.", photos)
      : ngettext("{n} photo left out for good.", "{n} photos left out for good.", photos),
  );
  failures = -1;
  await load();
}

byId("retry-all").onclick = () => change("retry").catch(showError);
byId("skip-all").onclick = () => {
  const text = _("They will not be found by searches with this photo encoder. You can still try them again later.");
  const skip = () => change("skip").catch(showError);
  confirmDialog(_("Skip all of them for good?"), h("p", {}, text), _("Skip all"), skip, "danger");
};
byId("more").onclick = () => loadMore().catch(showError);
poll(load, POLL_MS).catch(showError);
