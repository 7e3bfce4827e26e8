// Headings of months and days, and the way to choose all below one.

import { h } from "../lib/dom.js";
import { formatDayOfMonth, formatMonth } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";

/** @import { SectionGrid } from "./section_grid.js" */
/** @import { Section } from "./sections.js" */
/** @import { Selection } from "./selection.js" */

/** @param {Section} section @param {SectionGrid} grid @param {Selection} selection */
export function headingOf(section, grid, selection) {
  const { kind, day, start } = section;
  const heading = h("li", { class: "heading" });
  const add = (/** @type {"h2"|"h3"} */ tag, /** @type {string} */ title, /** @type {number} */ count) =>
    heading.append(line(tag, title, count, start, selection));
  if (kind !== "day") add("h2", formatMonth(day ?? ""), section.inMonth);
  if (kind !== "month") add("h3", formatDayOfMonth(day ?? ""), section.count);
  markHeading(heading, grid, selection);
  return heading;
}

/** @param {"h2"|"h3"} tag @param {string} title @param {number} count @param {number} start @param {Selection} selection */
function line(tag, title, count, start, selection) {
  const choose = h("button", { class: "quiet", "data-from": start, "data-to": start + count }, _("Select"));
  choose.ariaLabel = ngettext("Select {n} photo: {title}", "Select {n} photos: {title}", count, { title });
  choose.onclick = () => selection.toggleRange(start, start + count);
  return h("div", {}, h(tag, {}, title), h("small", {}, ngettext("{n} photo", "{n} photos", count)), choose);
}

/** Whether all below it are chosen. @param {HTMLElement} heading @param {SectionGrid} grid @param {Selection} selection */
export function markHeading(heading, grid, selection) {
  for (const button of heading.querySelectorAll("button")) {
    const { from, to } = button.dataset;
    button.ariaPressed = String(areChosen(Number(from), Number(to), grid, selection));
  }
}

/** @param {number} from @param {number} to @param {SectionGrid} grid @param {Selection} selection */
function areChosen(from, to, grid, { chosen }) {
  if (chosen.size < to - from) return false;
  for (let index = from; index < to; index += 1) {
    const entry = grid.entryAt(index);
    if (!entry || !chosen.has(entry.id)) return false;
  }
  return true;
}
