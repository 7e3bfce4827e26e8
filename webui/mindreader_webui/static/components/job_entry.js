// One job as the pages Jobs, Job and Models show it.

import { call } from "../lib/api.js";
import { confirmDialog, h, showError } from "../lib/dom.js";
import { formatDateTime, formatDuration } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";
import { failedSentence } from "./photo_states.js";

/** @import { Job } from "../../../typings/api" */

/** @type {Record<Job["state"], string>} */
const STATES = {
  running: _("running"),
  paused: _("paused"),
  completed: _("done"),
  cancelled: _("given up"),
};

/** How fast a job runs, and how long that takes; empty when nothing moves. @param {Job} job */
export function pace({ photos_per_second: rate, seconds_left: left }) {
  if (left === null) return "";
  return _("{rate} photos/s · {duration} left", { rate: rate.toFixed(1), duration: formatDuration(left) });
}

/** How much of a job is over, failures included. @param {Job} job */
export const jobProgress = (job) =>
  h("progress", { max: job.total || 1, value: job.total - job.waiting, "aria-label": _("Photos embedded") });

/** @param {Job} job @param {() => Promise<unknown>} reload @param {HTMLElement} heading */
export function jobEntry(job, reload, heading) {
  return [
    h("div", { class: "row spread" }, heading, h("span", { class: "badge" }, STATES[job.state])),
    h("p", { class: "hint" }, history(job).join(" · ")),
    ...(job.state === "cancelled" ? [] : [jobProgress(job)]),
    h("p", {}, counts(job).join(" · ")),
    h("div", { class: "row" }, ...buttons(job, reload)),
  ];
}

/** @param {Job} job */
function history(job) {
  const parts = [
    _("for {encoder}", { encoder: job.photo_encoder }),
    _("begun {date}", { date: formatDateTime(job.created_at) }),
  ];
  if (job.set_aside) {
    parts.push(_("builds the photo index anew: it was damaged and set aside as {folder}", { folder: job.set_aside }));
  }
  if (job.requested_by) parts.push(_("by {name}", { name: job.requested_by }));
  if (job.finished_at) parts.push(_("ended {date}", { date: formatDateTime(job.finished_at) }));
  return parts;
}

/** @param {Job} job */
function counts(job) {
  const { state, total, done, failed, skipped } = job;
  const parts = [];
  if (total || state !== "cancelled") {
    parts.push(ngettext("{done} of {n} photo embedded", "{done} of {n} photos embedded", total, { done }));
  }
  if (failed) parts.push(failedSentence(failed));
  if (skipped) parts.push(ngettext("{n} skipped", "{n} skipped", skipped));
  if (state === "running" && pace(job)) parts.push(pace(job));
  return parts;
}

/** @param {Job} job @param {() => Promise<unknown>} reload */
function buttons(job, reload) {
  const act = (/** @type {"pause"|"resume"|"cancel"} */ action) =>
    call("POST", `/jobs/{job_id}/${action}`, { path: { job_id: job.id } })
      .then(reload)
      .catch(showError);
  const cancel = () => {
    const text = h(
      "p",
      {},
      ngettext("{n} photo embedded so far is forgotten.", "{n} photos embedded so far are forgotten.", job.done),
    );
    confirmDialog(_("Give this job up?"), text, _("Give it up"), () => act("cancel"), "danger");
  };
  const shown = [];
  if (job.state === "running") shown.push(h("button", { onclick: () => act("pause") }, _("Pause")));
  if (job.state === "paused") shown.push(h("button", { class: "primary", onclick: () => act("resume") }, _("Resume")));
  if (job.state === "running" || job.state === "paused") {
    shown.push(h("button", { class: "quiet", onclick: cancel }, _("Give up")));
  }
  return shown;
}
