// The page Jobs: all of them, live.

import { get } from "../lib/api.js";
import { byId, keepLooking, make, say } from "../lib/dom.js";
import { jobEntry } from "../components/job_entry.js";
import { _ } from "../lib/i18n.js";

async function load() {
  const { jobs } = await get("/jobs");
  const key = JSON.stringify(jobs);
  if (byId("jobs").dataset.shown === key) return;
  byId("jobs").dataset.shown = key;
  byId("empty").hidden = jobs.length > 0;
  byId("jobs").replaceChildren(...jobs.map((/** @type {any} */ job) => {
    const failures = job.failed + job.skipped ? [make("a", { href: `/admin/jobs/${job.id}` }, _("See what failed"))] : [];
    return make("li", {}, ...jobEntry(job, load, make("h2", {}, make("a", { href: `/admin/jobs/${job.id}` }, _("Job {number}", { number: String(job.id) })))), ...failures);
  }));
}

keepLooking(load, 2000).catch((/** @type {Error} */ error) => say(error.message));
