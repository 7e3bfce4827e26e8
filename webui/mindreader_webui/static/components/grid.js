// A grid of any number of photos: only those near the screen are in the document.
//
// All tiles are equally high, so what is above and below is nothing but padding. Pages are asked for as one scrolls.
// `section_grid.js` adds headings, and photos that are loaded from the middle.

import { columnsOf } from "../lib/dom.js";
import { GridLayout } from "./grid_layout.js";

/** @import { Photo } from "../../../typings/api" */
/** @import { Block } from "./grid_layout.js" */

/**
 * @template P
 * @typedef {object} Source
 * @property {(after: number|null) => Promise<{photos: P[], next: number|null}>} load the next page
 * @property {(photo: P, index: number) => HTMLElement} tile
 * @property {(error: unknown) => void} onerror
 * @property {() => void} onload a page was added
 */
/** @template P @typedef {Pick<Source<P>, "tile"|"onerror"|"onload">} Shower what every kind of grid needs */

const AHEAD_SCREENS = 1.5;

/** What all grids share: which tiles are in the document, and where. @template P */
export class BaseGrid {
  /** @param {HTMLElement} list an empty list with the class "grid" @param {Shower<P>} shower */
  constructor(list, shower) {
    this.list = list;
    this.shower = shower;
    /** @type {P[]} may have holes, where photos are not loaded yet */
    this.photos = [];
    /** @type {Map<number, HTMLElement>} tiles in the document by index */
    this.tiles = new Map();
    /** @type {Map<number, HTMLElement>} headings in the document by section */
    this.headings = new Map();
    this.generation = 0;
    this.columns = 1;
    this.width = 0;
    this.rowHeight = 0;
    this.rowGap = 0;
    this.frame = 0;
    /** @type {GridLayout|null} made anew when it is needed */
    this.known = null;
    addEventListener("scroll", () => this.scheduleRender(), { passive: true });
    new ResizeObserver(() => this.onResize()).observe(list);
  }

  /** @returns {Block[]} */
  get blocks() {
    return [{ start: 0, count: this.photos.length, heading: 0 }];
  }

  get layout() {
    return (this.known ??= new GridLayout(this.blocks, this.columns, this.rowHeight));
  }

  /** Photos near the screen. @param {number} _from @param {number} _to index behind the last one */
  need(_from, _to) {}

  /** Its height follows from its width. */
  onResize() {
    const { clientWidth } = this.list;
    if (clientWidth === this.width) return;
    this.width = clientWidth;
    this.resize();
  }

  resize() {
    this.rowHeight = 0;
    this.scheduleRender();
  }

  /** The photos changed: make their tiles anew. */
  redraw() {
    this.removeTiles();
    this.render();
  }

  removeTiles() {
    this.known = null;
    this.list.replaceChildren();
    this.tiles.clear();
    this.headings.clear();
  }

  /** Render before the next frame, once. */
  scheduleRender() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.render();
    });
  }

  render() {
    if (!this.photos.length) return this.empty();
    if (!this.rowHeight) this.measure();
    const { layout } = this;
    const { top } = this.list.getBoundingClientRect();
    const ahead = innerHeight * AHEAD_SCREENS;
    const first = layout.lineAt(-top - ahead);
    const last = layout.lineAt(innerHeight - top + ahead);
    const heading = first.isHeading ? first.section : first.section + 1;
    this.show(first.from, last.to, heading, last.section + 1);
    this.list.style.paddingBlock = `${first.top}px ${layout.height - last.bottom}px`;
    this.need(first.from, last.to);
  }

  empty() {
    this.removeTiles();
    this.list.style.paddingBlock = "0";
  }

  /**
   * Tiles of these indexes and headings of these sections, and no others, in order.
   *
   * @param {number} from
   * @param {number} to
   * @param {number} [firstHeading]
   * @param {number} [endOfHeadings]
   */
  show(from, to, firstHeading = 0, endOfHeadings = 0) {
    keepOnly(this.tiles, from, to);
    keepOnly(this.headings, firstHeading, endOfHeadings);
    const { blocks } = this.layout;
    let previous = null;
    let index = from;
    let section = this.layout.sectionOf(from);
    for (; index < to || section < endOfHeadings; section += 1) {
      const { start, count, heading } = /** @type {Block} */ (blocks[section]);
      if (heading && section >= firstHeading) previous = this.put(this.headings, section, previous, "heading");
      for (const end = Math.min(to, start + count); index < end; index += 1) {
        previous = this.put(this.tiles, index, previous, "tile");
      }
    }
  }

  /** @param {Map<number, HTMLElement>} shown @param {number} key @param {HTMLElement|null} previous @param {"tile"|"heading"} kind */
  put(shown, key, previous, kind) {
    const there = shown.get(key);
    if (there) return there;
    const made = kind === "tile" ? this.tileAt(key) : this.headingOf(key);
    shown.set(key, made);
    if (previous) previous.after(made);
    else this.list.prepend(made);
    return made;
  }

  /** @param {number} index */
  tileAt(index) {
    return this.shower.tile(/** @type {P} */ (this.photos[index]), index);
  }

  /** @param {number} _section @returns {HTMLElement} */
  headingOf(_section) {
    throw new Error("This grid has no headings");
  }

  measure() {
    if (!this.tiles.size) this.show(0, 1);
    const [tile] = this.tiles.values();
    this.columns = columnsOf(this.list);
    this.rowGap = parseFloat(getComputedStyle(this.list).rowGap);
    this.rowHeight = (tile?.getBoundingClientRect().height ?? 0) + this.rowGap;
    this.known = null;
  }

  /** Bring a tile onto the screen and give it the focus. @param {number} index */
  focus(index) {
    if (!this.tiles.has(index)) this.scrollTo(this.layout.topOf(index) - innerHeight / 2);
    this.tiles.get(index)?.querySelector("button")?.focus();
  }

  /** @param {number} y of the list, which comes to the top of the screen */
  scrollTo(y) {
    const top = this.list.getBoundingClientRect().top + scrollY + y;
    this.list.style.paddingBlockEnd = `${this.layout.height}px`; // so that one can go there before it is rendered
    scrollTo({ top, behavior: "instant" });
    this.render();
  }
}

/**
 * Photos page by page, from the first one on.
 *
 * @template [P=Photo]
 * @extends {BaseGrid<P>}
 */
export class Grid extends BaseGrid {
  /** @param {HTMLElement} list an empty list with the class "grid" @param {Source<P>} source */
  constructor(list, source) {
    super(list, source);
    this.source = source;
    /** @type {number|null} where the next page begins */
    this.next = null;
    this.complete = false;
    /** @type {Promise<void>|null} the page that is on its way */
    this.loading = null;
  }

  /** Begin again from the first page. */
  restart() {
    this.generation += 1;
    this.photos = [];
    this.next = null;
    this.complete = false;
    this.loading = null;
    this.redraw();
    return this.loadMore();
  }

  /** Load the photo at this place, if there are so many. @param {number} index */
  async reach(index) {
    while (index >= this.photos.length && !this.complete) await this.loadMore();
  }

  /** @override @param {number} _from @param {number} to */
  need(_from, to) {
    if (to >= this.photos.length) this.loadMore();
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
      this.known = null;
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
}

/** @param {Map<number, HTMLElement>} shown @param {number} from @param {number} to */
function keepOnly(shown, from, to) {
  for (const [key, element] of shown) {
    if (key >= from && key < to) continue;
    element.remove();
    shown.delete(key);
  }
}
