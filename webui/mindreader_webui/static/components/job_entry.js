// One job as the pages Jobs and Job show it.

import { call } from "../lib/api.js";
import { ask, duration, make, say } from "../lib/dom.js";
import { _, ngettext } from "../lib/i18n.js";

const STATES = /** @type {Record<string, string>} */ ({ running: _("running"), paused: _("paused"), completed: _("done"), cancelled: _("given up") });

/** How fast a job runs, and how long that takes. @param {any} job */
export const pace = (job) => _("{rate} photos/s · {duration} left", { rate: job.photos_per_second.toFixed(1), duration: duration(job.seconds_left) });

/** @param {any} job @param {() => Promise<any>} reload @param {HTMLElement} heading */
export function jobEntry(job, reload, heading) {
  const done = job.total - job.waiting;
  const act = (/** @type {string} */ what) => call("POST", `/jobs/${job.id}/${what}`).then(reload).catch((/** @type {Error} */ error) => say(error.message));
  const cancel = () => ask(_("Give this job up?"), make("p", {}, ngettext("{n} photo embedded so far is forgotten.", "{n} photos embedded so far are forgotten.", job.done)), _("Give it up"), () => act("cancel"), "danger");
  const buttons = [];
  if (job.state === "running") buttons.push(make("button", { onclick: () => act("pause") }, _("Pause")));
  if (job.state === "paused") buttons.push(make("button", { class: "primary", onclick: () => act("resume") }, _("Resume")));
  if (["running", "paused"].includes(job.state)) buttons.push(make("button", { class: "quiet", onclick: cancel }, _("Give up")));
  const parts = job.state === "cancelled" ? [] : [ngettext("{done} of {n} photo embedded", "{done} of {n} photos embedded", job.total, { done: job.done })];
  if (job.failed) parts.push(_("{n} failed", { n: job.failed }));
  if (job.skipped) parts.push(_("{n} skipped", { n: job.skipped }));
  if (job.state === "running" && job.seconds_left !== null) parts.push(pace(job));
  const when = [_("for {encoder}", { encoder: job.photo_encoder }), _("begun {date}", { date: new Date(job.created_at).toLocaleString() })];
  if (job.requested_by) when.push(_("by {name}", { name: job.requested_by }));
  if (job.finished_at) when.push(_("ended {date}", { date: new Date(job.finished_at).toLocaleString() }));
  return [
    make("div", { class: "row spread" }, heading, make("span", { class: "badge" }, STATES[job.state])),
    make("p", { class: "hint" }, when.join(" · ")),
    ...(job.state === "cancelled" ? [] : [make("progress", { max: job.total || 1, value: done, "aria-label": _("Photos embedded") })]),
    make("p", {}, parts.join(" · ")),
    make("div", { class: "row" }, ...buttons),
  ];
}
