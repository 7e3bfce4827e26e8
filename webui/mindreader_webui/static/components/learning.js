// The active version learns this library, as the page Models shows it: what it would do, how far it is, how it went.

import { call } from "../lib/api.js";
import { confirmDialog, h, showError } from "../lib/dom.js";
import { formatDuration, formatNumber, formatPercent } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";

/** @import { Learning, Model, Training } from "../../../typings/api" */

/** @type {Record<Training["state"], string>} */
const STATES = {
  running: _("running"),
  paused: _("paused"),
  completed: _("done"),
  cancelled: _("given up"),
  failed: _("failed"),
};

/** Whether it is running or paused. @param {Training|null} training */
export const isOngoing = (training) => training?.state === "running" || training?.state === "paused";

/** Say what it does, and ask. @param {Learning} learning @param {() => unknown} begin */
export function askToLearn(learning, begin) {
  const { version, photos, seconds, learns_from_use: fromUse, is_served: isServed } = learning;
  const name = version ?? "";
  const paragraphs = [
    ngettext(
      "{name} goes on learning, from {n} photo that is here: line drawings are made of the photos, and it learns to find photos of the same kind with them. Kinds are your categories, and what looks alike where photos have none.",
      "{name} goes on learning, from {n} photos that are here: line drawings are made of the photos, and it learns to find photos of the same kind with them. Kinds are your categories, and what looks alike where photos have none.",
      photos,
      { name },
    ),
    fromUse
      ? _(
          "It also learns from sketches that people saved under the name of a category, as the settings of this server allow. Nothing leaves the server.",
        )
      : _("It does not look at anybody’s sketches or searches, and nothing leaves the server."),
    timeSentence(seconds),
    _(
      "What comes of it is a version of its own beside this one, compared with it on photos it was not shown. Nothing is embedded again, and it does not answer searches before you switch to it.",
    ),
  ];
  if (!isServed) paragraphs.push(notServed());
  const content = h("div", {}, ...paragraphs.map((text) => h("p", {}, text)));
  confirmDialog(_("Learn this library?"), content, _("Learn it"), begin);
}

/** @param {number|null} seconds */
function timeSentence(seconds) {
  if (seconds === null) return _("It runs at the lowest priority: searches go on meanwhile. You can pause it.");
  const values = { duration: formatDuration(seconds) };
  return _("It takes about {duration}, at the lowest priority: searches go on meanwhile. You can pause it.", values);
}

const notServed = () => _("No worker does this now: it waits until one with the queue “learn” runs.");

/** A training that goes on, or has failed. @param {Learning} learning @param {() => Promise<unknown>} reload */
export function learningEntry({ training, is_served: isServed }, reload) {
  if (!training || !(isOngoing(training) || training.state === "failed")) return [];
  const { state, problem } = training;
  const title = training.from_version
    ? _("{name} learns this library", { name: training.from_version })
    : _("This library is learned");
  return [
    h("div", { class: "row spread" }, h("h2", {}, title), h("span", { class: "badge" }, STATES[state])),
    ...(problem ? [h("p", { class: "problem" }, problem)] : []),
    ...(isOngoing(training) ? [bar(training), h("p", {}, stageText(training, isServed))] : []),
    h("div", { class: "row" }, ...buttons(training, reload)),
  ];
}

/** @param {Training} training */
const bar = ({ step, steps }) =>
  h("progress", { max: steps || 1, value: steps ? step : 0, "aria-label": _("Library learned") });

/** @param {Training} training @param {boolean} isServed */
function stageText({ state, stage, step, steps, seconds_left: left }, isServed) {
  if (stage === null) {
    if (state === "paused") return "";
    return isServed ? _("Waits for a worker.") : notServed();
  }
  const done = { step: formatNumber(step) };
  if (stage === "preparing") return ngettext("{step} of {n} photo read", "{step} of {n} photos read", steps, done);
  if (stage === "comparing") return _("Compares it with the version it learned from, on photos it was not shown.");
  const made = ngettext("Step {step} of {n}", "Step {step} of {n}", steps, done);
  return left === null ? made : _("{made} · {duration} left", { made, duration: formatDuration(left) });
}

/** @param {Training} training @param {() => Promise<unknown>} reload */
function buttons(training, reload) {
  const act = (/** @type {"pause"|"resume"|"cancel"} */ action) =>
    call("POST", `/models/learn/${action}`, {}).then(reload).catch(showError);
  const cancel = () => {
    const text = h(
      "p",
      {},
      _("What is learned so far is forgotten. The version that answers searches stays as it is."),
    );
    confirmDialog(_("Give learning up?"), text, _("Give it up"), () => act("cancel"), "danger");
  };
  const shown = [];
  if (training.state === "running") shown.push(h("button", { onclick: () => act("pause") }, _("Pause")));
  if (training.state === "paused") {
    shown.push(h("button", { class: "primary", onclick: () => act("resume") }, _("Resume")));
  }
  if (isOngoing(training)) shown.push(h("button", { class: "quiet", onclick: cancel }, _("Give up")));
  return shown;
}

/** @typedef {{map: number, interval: {map: [number, number]}}} Score mean average precision with its 95 % interval */
/**
 * @typedef {object} Comparison as a version that has learned a library brings it
 * @property {{name?: string, queries: number}} protocol
 * @property {{before: Score, after: Score}} rows
 * @property {Score} difference
 */

/** How much better a version that has learned this library is: a sentence for each comparison. @param {Model} model */
export function learnedFacts(model) {
  const comparisons = /** @type {Comparison[]} */ (/** @type {unknown} */ (model.metrics));
  return comparisons.filter((each) => each?.difference && each.rows?.before).map(comparisonSentence);
}

/** @param {Comparison} comparison */
function comparisonSentence({ protocol, rows, difference }) {
  const [low, high] = difference.interval.map;
  const values = {
    before: formatPercent(rows.before.map),
    after: formatPercent(rows.after.map),
    low: formatPercent(low),
    high: formatPercent(high),
  };
  return protocol.name === "library"
    ? ngettext(
        "With a drawing made of {n} photo it was not shown: mean average precision {after}, before {before} (difference, 95%: {low} to {high})",
        "With drawings made of {n} photos it was not shown: mean average precision {after}, before {before} (difference, 95%: {low} to {high})",
        protocol.queries,
        values,
      )
    : ngettext(
        "With {n} benchmark sketch: mean average precision {after}, before {before} (difference, 95%: {low} to {high})",
        "With {n} benchmark sketches: mean average precision {after}, before {before} (difference, 95%: {low} to {high})",
        protocol.queries,
        values,
      );
}
