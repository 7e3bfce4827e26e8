// Where copies of a photo found are: a quiet line that opens to a list of links.

import { h } from "../lib/dom.js";
import { ngettext } from "../lib/i18n.js";

/** @import { SearchResult } from "../../../typings/api" */

/** @param {Partial<SearchResult>} photo @returns {HTMLElement[]} nothing where there is no copy */
export function alsoIn({ also_in: copies = [], also_in_count: count = 0 }) {
  if (!copies.length) return [];
  const items = copies.map(({ page, collection, filename, width, height }) =>
    h("li", {}, h("a", { href: page }, collection), " ", h("small", {}, `${filename} · ${width} × ${height}`)),
  );
  const more = count - copies.length;
  if (more > 0) items.push(h("li", {}, ngettext("and {n} more", "and {n} more", more)));
  const summary = h("summary", {}, ngettext("also in {n} place", "also in {n} places", count));
  return [h("details", { class: "also" }, summary, h("ul", {}, ...items))];
}
