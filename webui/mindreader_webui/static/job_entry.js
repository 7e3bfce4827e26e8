// One job as the pages Jobs and Job show it.

import { call } from "./api.js";
import { ask, counted, duration, make, say } from "./dom.js";

const STATES = /** @type {Record<string, string>} */ ({ running: "running", paused: "paused", completed: "done", cancelled: "given up" });

/** @param {any} job @param {() => Promise<any>} reload @param {HTMLElement} heading */
export function jobEntry(job, reload, heading) {
  const done = job.total - job.waiting;
  const act = (/** @type {string} */ what) => call("POST", `/jobs/${job.id}/${what}`).then(reload).catch((/** @type {Error} */ error) => say(error.message));
  const cancel = () => ask("Give this job up?", make("p", {}, `${counted(job.done, "photo", "photos")} embedded so far are forgotten.`), "Give it up", () => act("cancel"), "danger");
  const buttons = [];
  if (job.state === "running") buttons.push(make("button", { onclick: () => act("pause") }, "Pause"));
  if (job.state === "paused") buttons.push(make("button", { class: "primary", onclick: () => act("resume") }, "Resume"));
  if (["running", "paused"].includes(job.state)) buttons.push(make("button", { class: "quiet", onclick: cancel }, "Give up"));
  const parts = job.state === "cancelled" ? [] : [`${job.done.toLocaleString()} of ${counted(job.total, "photo", "photos")} embedded`];
  if (job.failed) parts.push(`${job.failed} failed`);
  if (job.skipped) parts.push(`${job.skipped} skipped`);
  if (job.state === "running" && job.seconds_left !== null) parts.push(`${job.photos_per_second.toFixed(1)} photos/s`, `${duration(job.seconds_left)} left`);
  const when = [`for ${job.photo_encoder}`, `begun ${new Date(job.created_at).toLocaleString()}`];
  if (job.requested_by) when.push(`by ${job.requested_by}`);
  if (job.finished_at) when.push(`ended ${new Date(job.finished_at).toLocaleString()}`);
  return [
    make("div", { class: "row spread" }, heading, make("span", { class: "badge" }, STATES[job.state])),
    make("p", { class: "hint" }, when.join(" · ")),
    ...(job.state === "cancelled" ? [] : [make("progress", { max: job.total || 1, value: done, "aria-label": "Photos embedded" })]),
    make("p", {}, parts.join(" · ")),
    make("div", { class: "row" }, ...buttons),
  ];
}
