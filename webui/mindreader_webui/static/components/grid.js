// A grid of any number of photos: only those near the screen are in the document.
//
// All tiles are equally high, so rows above and below are nothing but padding. Pages are asked for as one scrolls.

import { columnsOf } from "../lib/dom.js";

/** @import { Photo } from "../../../typings/api" */

/**
 * @template P
 * @typedef {object} Source
 * @property {(after: number|null) => Promise<{photos: P[], next: number|null}>} load the next page
 * @property {(photo: P, index: number) => HTMLElement} tile
 * @property {(error: unknown) => void} onerror
 * @property {() => void} onload a page was added
 */

const AHEAD_SCREENS = 1.5;

/** @template [P=Photo] */
export class Grid {
  /** @param {HTMLElement} list an empty list with the class "grid" @param {Source<P>} source */
  constructor(list, source) {
    this.list = list;
    this.source = source;
    /** @type {P[]} */
    this.photos = [];
    /** @type {Map<number, HTMLElement>} tiles in the document by index */
    this.tiles = new Map();
    /** @type {number|null} where the next page begins */
    this.next = null;
    this.complete = false;
    /** @type {Promise<void>|null} the page that is on its way */
    this.loading = null;
    this.generation = 0;
    this.columns = 1;
    this.rowHeight = 0;
    this.frame = 0;
    addEventListener("scroll", () => this.scheduleRender(), { passive: true });
    new ResizeObserver(() => {
      this.rowHeight = 0;
      this.scheduleRender();
    }).observe(list);
  }

  /** Begin again from the first page. */
  restart() {
    this.generation += 1;
    this.photos = [];
    this.next = null;
    this.complete = false;
    this.loading = null;
    this.redraw();
    this.list.style.paddingBlock = "0";
    return this.loadMore();
  }

  /** The photos changed: make their tiles anew. */
  redraw() {
    this.removeTiles();
    this.render();
  }

  removeTiles() {
    for (const tile of this.tiles.values()) tile.remove();
    this.tiles.clear();
  }

  /** Render before the next frame, once. */
  scheduleRender() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.render();
    });
  }

  /** Load the photo at this place, if there are so many. @param {number} index */
  async reach(index) {
    while (index >= this.photos.length && !this.complete) await this.loadMore();
  }

  loadMore() {
    if (this.complete) return Promise.resolve();
    return (this.loading ??= this.loadPage());
  }

  async loadPage() {
    const { generation } = this;
    const isStale = () => generation !== this.generation;
    try {
      const page = await this.source.load(this.next);
      if (isStale()) return;
      this.photos.push(...page.photos);
      this.next = page.next;
      this.complete = page.next === null;
    } catch (error) {
      if (isStale()) return;
      this.complete = true;
      this.source.onerror(error);
    } finally {
      if (!isStale()) this.loading = null;
    }
    this.render();
    this.source.onload();
  }

  render() {
    if (!this.photos.length) return this.removeTiles();
    if (!this.rowHeight) this.measure();
    const { top } = this.list.getBoundingClientRect();
    const ahead = innerHeight * AHEAD_SCREENS;
    const lastRow = Math.ceil(this.photos.length / this.columns) - 1;
    const first = clamp(Math.floor((-top - ahead) / this.rowHeight), 0, lastRow);
    const last = clamp(Math.ceil((innerHeight - top + ahead) / this.rowHeight), first, lastRow);
    this.renderRange(first * this.columns, Math.min(this.photos.length, (last + 1) * this.columns));
    this.list.style.paddingBlock = `${first * this.rowHeight}px ${(lastRow - last) * this.rowHeight}px`;
    if (last === lastRow) this.loadMore();
  }

  /** Tiles of these indexes and no others, in order. @param {number} from @param {number} to */
  renderRange(from, to) {
    for (const [index, tile] of this.tiles) {
      if (index >= from && index < to) continue;
      tile.remove();
      this.tiles.delete(index);
    }
    /** @type {HTMLElement|null} */
    let previous = null;
    this.photos.slice(from, to).forEach((photo, offset) => {
      previous = this.tiles.get(from + offset) ?? this.insertTile(photo, from + offset, previous);
    });
  }

  /** @param {P} photo @param {number} index @param {HTMLElement|null} previous */
  insertTile(photo, index, previous) {
    const tile = this.source.tile(photo, index);
    this.tiles.set(index, tile);
    if (previous) previous.after(tile);
    else this.list.prepend(tile);
    return tile;
  }

  measure() {
    if (!this.tiles.size) this.renderRange(0, 1);
    const style = getComputedStyle(this.list);
    const [tile] = this.tiles.values();
    this.columns = columnsOf(this.list);
    this.rowHeight = (tile?.getBoundingClientRect().height ?? 0) + parseFloat(style.rowGap);
  }

  /** Bring a tile onto the screen and give it the focus. @param {number} index */
  focus(index) {
    if (!this.tiles.has(index)) {
      const offset = Math.floor(index / this.columns) * this.rowHeight;
      const top = this.list.getBoundingClientRect().top + scrollY + offset;
      scrollTo({ top: top - innerHeight / 2, behavior: "instant" });
      this.render();
    }
    this.tiles.get(index)?.querySelector("button")?.focus();
  }
}

/** @param {number} value @param {number} low @param {number} high */
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
