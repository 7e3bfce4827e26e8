// Selecting photos of a grid: by click, by range, with the keyboard.

import { showError } from "../lib/dom.js";
import { _, ngettext } from "../lib/i18n.js";

/** @typedef {{id: number}} Selectable */

/**
 * @typedef {object} SelectableGrid
 * @property {HTMLElement} list its items carry `data-index`
 * @property {Selectable[]} photos where they are not all loaded, with holes
 * @property {Map<number, HTMLElement>} tiles by index
 * @property {number} columns
 * @property {(index: number) => void} focus
 * @property {(from: number, to: number) => Promise<Selectable[]>} [between] where photos are not all loaded
 */

/** @type {Record<string, (columns: number) => number>} how far a key goes */
const STEPS = {
  ArrowLeft: () => -1,
  ArrowRight: () => 1,
  ArrowUp: (columns) => -columns,
  ArrowDown: (columns) => columns,
};

export class Selection {
  /**
   * @param {SelectableGrid} grid
   * @param {() => void} onchange what is selected, or whether anything can be, changed
   */
  constructor(grid, onchange) {
    this.grid = grid;
    this.onchange = onchange;
    this.active = false;
    /** @type {Map<number, Selectable>} by id */
    this.chosen = new Map();
    this.anchor = 0;
    grid.list.addEventListener("keydown", (event) => this.onKey(event));
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.active && !document.querySelector("dialog[open]")) this.stop();
    });
  }

  start() {
    this.active = true;
    this.refresh();
  }

  stop() {
    this.active = false;
    this.clear();
  }

  clear() {
    this.chosen.clear();
    this.refresh();
  }

  /** Photos are others now: what is not among them any more is not selected. */
  prune() {
    const here = new Set(this.grid.photos.map(({ id }) => id));
    this.drop([...this.chosen.keys()].filter((id) => !here.has(id)));
  }

  /** @param {Iterable<number>} ids of photos that are gone */
  drop(ids) {
    for (const id of ids) this.chosen.delete(id);
    this.refresh();
  }

  /** Ids of chosen photos are others now. */
  renumber() {
    this.chosen = new Map([...this.chosen.values()].map((photo) => [photo.id, photo]));
    this.refresh();
  }

  selectAll() {
    this.selectRange(0, this.grid.photos.length - 1);
  }

  /** A click on a tile; says whether it selected something. @param {number} index @param {MouseEvent} event */
  click(index, event) {
    if (!this.active && !event.shiftKey && !event.ctrlKey && !event.metaKey) return false;
    this.active = true;
    if (event.shiftKey) this.selectRange(this.anchor, index);
    else this.toggle(index);
    return true;
  }

  /** @param {number} index */
  toggle(index) {
    const photo = this.grid.photos[index];
    if (photo && !this.chosen.delete(photo.id)) this.chosen.set(photo.id, photo);
    this.anchor = index;
    this.refresh();
  }

  /** @param {number} one @param {number} other the ends, in either order */
  selectRange(one, other) {
    this.change(Math.min(one, other), Math.max(one, other) + 1, (photos) => {
      for (const photo of photos) this.chosen.set(photo.id, photo);
    });
  }

  /** Choose all of a range, or none of it if all are chosen. @param {number} from @param {number} to */
  toggleRange(from, to) {
    this.active = true;
    this.change(from, to, (photos) => {
      const all = photos.every(({ id }) => this.chosen.has(id));
      for (const photo of photos) {
        if (all) this.chosen.delete(photo.id);
        else this.chosen.set(photo.id, photo);
      }
    });
  }

  /** @param {number} from @param {number} to @param {(photos: Selectable[]) => void} change */
  change(from, to, change) {
    if (!this.grid.between) {
      change(this.grid.photos.slice(from, to));
      return this.refresh();
    }
    this.refresh();
    this.grid.between(from, to).then((found) => {
      if (!this.active) return; // somebody was done in the meantime
      change(found);
      this.refresh();
    }, showError);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const tile = /** @type {HTMLElement|null} */ (/** @type {HTMLElement} */ (event.target).closest("li[data-index]"));
    if (!tile) return;
    const step = STEPS[event.key];
    if (step) {
      const index = Number(tile.dataset.index) + step(this.grid.columns);
      const to = Math.min(this.grid.photos.length - 1, Math.max(0, index));
      event.preventDefault();
      if (event.shiftKey && this.active) this.selectRange(this.anchor, to);
      this.grid.focus(to);
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey) && this.active) {
      event.preventDefault();
      this.selectAll();
    }
  }

  refresh() {
    for (const [index, tile] of this.grid.tiles) this.mark(tile, this.grid.photos[index]);
    this.grid.list.classList.toggle("choosing", this.active);
    this.onchange();
  }

  /** @param {HTMLElement} tile @param {Selectable|undefined} photo */
  mark(tile, photo) {
    const button = tile.querySelector("button");
    if (this.active && photo) button?.setAttribute("aria-pressed", String(this.chosen.has(photo.id)));
    else button?.removeAttribute("aria-pressed");
  }
}

/** @param {number} n */
export const selectedCount = (n) => (n ? ngettext("{n} photo chosen", "{n} photos chosen", n) : _("Choose photos"));
