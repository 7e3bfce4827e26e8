// A grid of any number of photos: only those near the screen are in the document.
//
// All tiles are equally high, so rows above and below are nothing but padding. Pages are asked for as one scrolls.

const AHEAD_SCREENS = 1.5;

/**
 * @typedef {{photos: any[], next: number|null}} Page
 * @typedef {{load: (after: number|null) => Promise<Page>, tile: (photo: any, index: number) => HTMLElement, failed: (error: Error) => void,
 *   shown?: () => void}} Source
 */

export class Grid {
  /** @param {HTMLElement} list an empty list with the class "grid" @param {Source} source */
  constructor(list, source) {
    this.list = list;
    this.source = source;
    /** @type {any[]} */
    this.photos = [];
    /** @type {Map<number, HTMLElement>} tiles in the document by index */
    this.tiles = new Map();
    /** @type {number|null} */
    this.next = null;
    this.done = false;
    this.loading = false;
    this.generation = 0;
    this.columns = 1;
    this.row = 0;
    this.asked = 0;
    addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(() => { this.row = 0; this.soon(); }).observe(list);
  }

  /** Begin again from the first page. */
  restart() {
    this.generation += 1;
    this.photos = [];
    this.next = null;
    this.done = this.loading = false;
    this.draw();
    return this.more();
  }

  /** The photos changed: make their tiles anew. */
  redraw() {
    for (const tile of this.tiles.values()) tile.remove();
    this.tiles.clear();
    this.render();
  }

  draw() {
    this.redraw();
    this.list.style.paddingBlock = "0";
  }

  /** Render before the next frame, once. */
  soon() {
    if (!this.asked) this.asked = requestAnimationFrame(() => { this.asked = 0; this.render(); });
  }

  async more() {
    if (this.loading || this.done) return;
    this.loading = true;
    const mine = this.generation;
    try {
      const page = await this.source.load(this.next);
      if (mine !== this.generation) return;
      this.photos.push(...page.photos);
      this.next = page.next;
      this.done = page.next === null;
    } catch (error) {
      if (mine !== this.generation) return;
      this.done = true;
      this.source.failed(/** @type {Error} */ (error));
    } finally {
      if (mine === this.generation) this.loading = false;
    }
    this.render();
    this.source.shown?.();
  }

  render() {
    if (!this.photos.length) { for (const tile of this.tiles.values()) tile.remove(); this.tiles.clear(); return; }
    if (!this.row) this.measure();
    const top = this.list.getBoundingClientRect().top;
    const ahead = innerHeight * AHEAD_SCREENS;
    const rows = Math.ceil(this.photos.length / this.columns);
    const first = Math.min(rows - 1, Math.max(0, Math.floor((-top - ahead) / this.row)));
    const last = Math.max(first, Math.min(rows - 1, Math.ceil((innerHeight - top + ahead) / this.row)));
    this.show(first * this.columns, Math.min(this.photos.length, (last + 1) * this.columns));
    this.list.style.paddingBlock = `${first * this.row}px ${(rows - 1 - last) * this.row}px`;
    if (last >= rows - 1) this.more();
  }

  /** Tiles of these indexes and no others, in order. @param {number} from @param {number} to */
  show(from, to) {
    for (const [index, tile] of this.tiles) {
      if (index < from || index >= to) { tile.remove(); this.tiles.delete(index); }
    }
    let after = /** @type {ChildNode|null} */ (null);
    for (let index = from; index < to; index += 1) {
      let tile = this.tiles.get(index);
      if (!tile) {
        tile = this.source.tile(this.photos[index], index);
        this.tiles.set(index, tile);
        if (after) after.after(tile);
        else this.list.prepend(tile);
      }
      after = tile;
    }
  }

  measure() {
    if (!this.tiles.size) this.show(0, 1);
    const style = getComputedStyle(this.list);
    this.columns = style.gridTemplateColumns.split(" ").length;
    const [tile] = this.tiles.values();
    this.row = tile.getBoundingClientRect().height + parseFloat(style.rowGap);
  }

  /** Bring a tile onto the screen and give it the focus. @param {number} index */
  focus(index) {
    if (!this.tiles.has(index)) {
      const offset = Math.floor(index / this.columns) * this.row + this.list.getBoundingClientRect().top + scrollY;
      scrollTo({ top: offset - innerHeight / 2, behavior: "instant" });
      this.render();
    }
    this.tiles.get(index)?.querySelector("button")?.focus();
  }
}
