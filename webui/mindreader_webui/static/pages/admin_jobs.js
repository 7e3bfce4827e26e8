// The page Jobs: all of them, live.

import { jobEntry } from "../components/job_entry.js";
import { isOngoing } from "../components/learning.js";
import { get } from "../lib/api.js";
import { byId, h, poll, showError } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";
import { redraw } from "../lib/redraw.js";

/** @import { Job } from "../../../typings/api" */

const POLL_MS = 2000;

async function load() {
  const [{ jobs }, { training }] = await Promise.all([get("/jobs"), get("/models/learn")]);
  const isLearning = isOngoing(training);
  byId("learning").hidden = !isLearning;
  byId("empty").hidden = jobs.length > 0 || isLearning;
  redraw(byId("jobs"), ...jobs.map(entry));
}

/** @param {Job} job */
function entry(job) {
  const href = `/admin/jobs/${job.id}`;
  const heading = h("h2", {}, h("a", { href }, _("Job {number}", { number: String(job.id) })));
  const failures = job.failed + job.skipped ? [h("a", { href }, _("See what failed"))] : [];
  return h("li", { "data-key": job.id }, ...jobEntry(job, load, heading), ...failures);
}

poll(load, POLL_MS).catch(showError);
