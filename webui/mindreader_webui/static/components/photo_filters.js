// Which photos a list shows and in which order: fields of the page (photo_filters.html), and the same in its address.

import { byId, h } from "../lib/dom.js";
import { byName, formatCategory, formatNumber } from "../lib/format.js";
import { _ } from "../lib/i18n.js";

/** @import { Collection, ListedPhoto } from "../../../typings/api" */
/** @typedef {"taken"|"uploaded"|"name"} SortKey */
/** @typedef {"ascending"|"descending"} Direction */

const FIELDS = ["sort", "in-collection", "category", "state", "by", "from", "until"];
/** @type {Record<string, string>} what a field says when it says nothing */
const DEFAULTS = { sort: "taken-descending", by: "taken" };
const RESTRICTING = ["in-collection", "category", "state", "from", "until"];

export class PhotoFilters {
  /** @param {number|null} collectionId the one the page is about @param {() => void} onchange */
  constructor(collectionId, onchange) {
    this.collectionId = collectionId;
    this.onchange = onchange;
    /** @type {Collection[]} */
    this.collections = [];
    this.read();
    for (const name of FIELDS) {
      const field = this.field(name);
      if (!field) continue;
      field.onchange = () => {
        if (name === "in-collection") this.showCategories();
        this.mark();
        onchange();
      };
    }
    this.unfold(this.active > 0);
    byId("show-filters").onclick = () => this.unfold(byId("filters").hidden);
    byId("clear-filters").onclick = () => this.clear();
    this.mark();
  }

  /** @param {boolean} open */
  unfold(open) {
    byId("filters").hidden = !open;
    byId("show-filters").ariaExpanded = String(open);
  }

  /** @param {string} name @returns {HTMLInputElement|HTMLSelectElement|null} */
  field(name) {
    return /** @type {HTMLInputElement|HTMLSelectElement|null} */ (document.getElementById(name));
  }

  /** @param {string} name */
  value(name) {
    return this.field(name)?.value ?? "";
  }

  /** From the address. What the server has yet to name is chosen already. */
  read() {
    const given = new URLSearchParams(location.search);
    for (const name of FIELDS) {
      const field = this.field(name);
      const value = given.get(name);
      if (!field || !value) continue;
      if (["in-collection", "category"].includes(name)) field.append(h("option", { value }, value));
      field.value = value;
      if (!field.value) field.value = DEFAULTS[name] ?? "";
    }
  }

  /** Into the address. @param {URLSearchParams} params */
  write(params) {
    for (const name of FIELDS) {
      const value = this.value(name);
      if (value && value !== DEFAULTS[name]) params.set(name, value);
      else params.delete(name);
    }
    if (!this.value("from") && !this.value("until")) params.delete("by");
  }

  get active() {
    return RESTRICTING.filter((name) => this.value(name)).length;
  }

  /** Why a list without photos has none. */
  get whyNone() {
    const [from, until] = [this.value("from"), this.value("until")];
    if (from && until && from > until) return _("From is later than Until: no day lies between them.");
    return this.active ? _("No photos fit these filters.") : _("No photos to show here.");
  }

  /** Show all photos again. */
  clear() {
    for (const name of RESTRICTING) {
      const field = this.field(name);
      if (field) field.value = "";
    }
    this.showCategories();
    this.mark();
    byId("show-filters").focus();
    this.onchange();
  }

  /** How many filters are set, for whoever has folded them away. */
  mark() {
    byId("filters-set").textContent = this.active ? `(${formatNumber(this.active)})` : "";
  }

  /** @returns {[SortKey, Direction]} */
  get sort() {
    return /** @type {[SortKey, Direction]} */ (this.value("sort").split("-"));
  }

  get query() {
    const [sort, order] = this.sort;
    const inCollection = Number(this.value("in-collection"));
    const byUpload = this.value("by") === "uploaded";
    const [from, until] = [this.value("from") || null, this.value("until") || null];
    return {
      sort,
      order,
      collection_id: this.collectionId ?? (inCollection || null),
      category: this.value("category") || null,
      state: /** @type {ListedPhoto["state"]|null} */ (this.value("state") || null),
      taken_from: byUpload ? null : from,
      taken_until: byUpload ? null : until,
      uploaded_from: byUpload && from ? startOf(from) : null,
      uploaded_before: byUpload && until ? startOf(until, 1) : null,
    };
  }

  /** What there is to choose from. @param {Collection[]} collections */
  offer(collections) {
    this.collections = collections;
    const field = this.field("in-collection");
    if (field instanceof HTMLSelectElement) {
      fill(
        field,
        collections.map(({ id, name }) => ({ value: String(id), label: name })),
      );
    }
    this.showCategories();
  }

  showCategories() {
    const field = this.field("category");
    if (!(field instanceof HTMLSelectElement)) return;
    const chosen = Number(this.value("in-collection"));
    const counts = new Map();
    for (const { id, categories } of this.collections) {
      if (chosen && chosen !== id) continue;
      for (const { name, photos } of categories) counts.set(name, (counts.get(name) ?? 0) + photos);
    }
    const names = [...counts.keys()].sort(byName);
    fill(
      field,
      names.map((name) => ({ value: name, label: `${formatCategory(name)} (${formatNumber(counts.get(name))})` })),
    );
  }
}

/** After its first option, which says "all"; what is chosen stays chosen. @param {HTMLSelectElement} field @param {{value: string, label: string}[]} options */
function fill(field, options) {
  const { value } = field;
  field.length = 1;
  field.append(...options.map(({ value: each, label }) => h("option", { value: each }, label)));
  if (value && !options.some((option) => option.value === value)) field.append(h("option", { value }, value));
  field.value = value;
}

/** The moment a day begins where this person is, or a later one. @param {string} day as `2026-11-23` @param {number} [later] in days */
function startOf(day, later = 0) {
  const moment = new Date(`${day}T00:00`);
  moment.setDate(moment.getDate() + later);
  return moment.toISOString();
}
