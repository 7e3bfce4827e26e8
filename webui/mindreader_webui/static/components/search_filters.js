// Which photos a search looks at: of a collection, of a category, taken in some days.

import { get } from "../lib/api.js";
import { byId, h } from "../lib/dom.js";
import { byName, formatCategory, formatDay } from "../lib/format.js";
import { _ } from "../lib/i18n.js";

/** @import { Collection } from "../../../typings/api" */

export class SearchFilters {
  /** @param {() => void} onchange */
  constructor(onchange) {
    this.onchange = onchange;
    /** @type {Collection[]} */
    this.collections = [];
    this.collection = byId("collection", HTMLSelectElement);
    this.category = byId("category", HTMLSelectElement);
    this.takenFrom = byId("taken-from", HTMLInputElement);
    this.takenUntil = byId("taken-until", HTMLInputElement);
    this.collection.onchange = () => {
      this.refreshCategories();
      this.changed();
    };
    for (const field of [this.category, this.takenFrom, this.takenUntil]) field.onchange = () => this.changed();
    byId("widen").onclick = byId("widen-search").onclick = () => this.clear();
  }

  async load() {
    this.collections = (await get("/collections")).collections;
    this.collection.append(...this.collections.map(({ id, name }) => h("option", { value: id }, name)));
    this.refreshCategories();
  }

  /** Those of the collection; of every one if none is chosen. */
  refreshCategories() {
    const { value } = this.collection;
    const within = this.collections.filter(({ id }) => !value || String(id) === value);
    const names = new Set(within.flatMap(({ categories }) => categories.map(({ name }) => formatCategory(name))));
    const options = [...names].sort(byName).map((name) => h("option", { value: name }, name));
    this.category.replaceChildren(h("option", { value: "" }, _("All")), ...options);
  }

  /** Whether there may be photos that a search does not look at. */
  get narrows() {
    return [this.collection, this.category, this.takenFrom, this.takenUntil].some(({ value }) => value);
  }

  /** Search all photos again. */
  clear() {
    for (const field of [this.collection, this.takenFrom, this.takenUntil]) field.value = "";
    this.refreshCategories();
    this.changed();
  }

  /** The button says what is searched, also while the panel is closed. */
  changed() {
    const [from, until] = [dayOf(this.takenFrom), dayOf(this.takenUntil)];
    const parts = [chosenIn(this.collection), chosenIn(this.category)];
    if (from) parts.push(_("from {date}", { date: from }));
    if (until) parts.push(_("until {date}", { date: until }));
    const chosen = parts.filter(Boolean);
    byId("narrowed").textContent = chosen.length ? `: ${chosen.join(", ")}` : "";
    byId("widen").hidden = !chosen.length;
    this.onchange();
  }

  /** As the API calls them: only those that are chosen. */
  get query() {
    const { collection, category, takenFrom, takenUntil } = this;
    return {
      ...(collection.value && { collection_id: [Number(collection.value)] }),
      ...(category.value && { category: [category.value] }),
      ...(takenFrom.value && { taken_from: takenFrom.value }),
      ...(takenUntil.value && { taken_until: takenUntil.value }),
    };
  }

  /** @param {FormData} form of a search */
  appendTo(form) {
    for (const [name, value] of Object.entries(this.query)) form.append(name, String(value));
  }
}

/** @param {HTMLSelectElement} select */
const chosenIn = (select) => (select.value ? select.selectedOptions[0]?.textContent : "");

/** @param {HTMLInputElement} input of a date */
const dayOf = (input) => input.valueAsDate && formatDay(input.valueAsDate);
