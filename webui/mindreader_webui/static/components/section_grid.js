// A grid of which the size is known at once: sections with headings, photos loaded wherever somebody looks.
//
// The server says how many photos stand on each day; so every photo has its place before it is loaded, and until then an
// empty tile. What is chosen but not shown is known by its id alone.

import { _ } from "../lib/i18n.js";
import { closedUp, emptyTile, unreadEntry } from "./entries.js";
import { BaseGrid } from "./grid.js";
import { dayAt, placed, sectionsOf, without } from "./sections.js";

/** @import { DayCount, ListedPhoto, PhotoRun } from "../../../typings/api" */
/** @import { Entry } from "./entries.js" */
/** @import { Block } from "./grid_layout.js" */
/** @import { Day, Section } from "./sections.js" */

/** @typedef {{day: string|null, skip: number, limit: number}} Part of a list: where it begins, and how much of it */
/**
 * @typedef {object} SectionSource
 * @property {() => Promise<{days: DayCount[]}>} days
 * @property {(part: Part) => Promise<{photos: ListedPhoto[]}>} page
 * @property {(part: Part) => Promise<{runs: PhotoRun[], total: number}>} ids
 * @property {(photo: ListedPhoto, index: number) => HTMLElement} tile
 * @property {(section: Section, grid: SectionGrid) => HTMLElement} heading
 * @property {(error: unknown) => void} onerror
 * @property {() => void} onload photos, or the days, are there
 * @property {() => void} onrender what is on the screen changed
 */
/** @typedef {{photos: Entry[], unread: Entry[], days: Day[]}} Contents */

const PAGE = 120;
const IDS_PAGE = 10_000;
const AT_ONCE = 2;
const RELOAD_MS = 3000; // at least between two reloads because the list is another one by now
const HEADING_REM = { month: 3, day: 2.25, both: 4.75, none: 0 };

/** @extends {BaseGrid<Entry>} */
export class SectionGrid extends BaseGrid {
  /** @param {HTMLElement} list an empty list with the class "grid" @param {SectionSource} source */
  constructor(list, source) {
    super(list, source);
    this.source = source;
    /** @type {Entry[]} by index, with holes: photos of which only the id is known */
    this.unread = [];
    /** @type {Day[]} */
    this.days = [];
    /** @type {Section[]} */
    this.sections = [];
    /** @type {Map<number, Promise<void>>} pages on their way, by number */
    this.loading = new Map();
    /** @type {Set<number>} pages that could not be loaded; asked for again with the list */
    this.failed = new Set();
    this.reloadedAt = 0;
  }

  /** @override @returns {Block[]} */
  get blocks() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    return this.sections.map(({ kind, start, count }) => {
      const height = HEADING_REM[kind] * rem;
      return { start, count, heading: height && height + this.rowGap };
    });
  }

  /** Ask for the days, and forget all photos; says whether this is the list still. */
  async restart() {
    const generation = (this.generation += 1);
    try {
      const { days } = await this.source.days();
      if (generation !== this.generation) return false;
      this.reloadedAt = Date.now();
      this.fill({ photos: [], unread: [], days: placed(days) });
      this.source.onload();
      return true;
    } catch (error) {
      this.source.onerror(error);
      return false;
    }
  }

  /** @param {Contents} contents */
  fill({ photos, unread, days }) {
    this.generation += 1;
    this.loading.clear();
    this.failed.clear();
    const last = days.at(-1);
    photos.length = last ? last.start + last.count : 0;
    this.photos = photos;
    this.unread = unread;
    this.days = days;
    this.sections = sectionsOf(days);
    this.redraw();
  }

  /** What `fill` takes: how it is now. @returns {Contents} */
  get contents() {
    return { photos: this.photos, unread: this.unread, days: this.days };
  }

  /** Take photos out; says whether the place of each was known. @param {Set<number>} ids */
  remove(ids) {
    /** @type {number[]} */
    const removed = [];
    for (const entries of [this.photos, this.unread]) {
      entries.forEach((entry, index) => ids.has(entry.id) && this.entryAt(index) === entry && removed.push(index));
    }
    if (removed.length < ids.size) return false;
    removed.sort((one, other) => one - other);
    const out = new Set(removed);
    const days = without(this.days, removed);
    this.fill({ photos: closedUp(this.photos, out), unread: closedUp(this.unread, out), days });
    return true;
  }

  /** @param {number} index */
  entryAt(index) {
    return this.photos[index] ?? this.unread[index];
  }

  /** @override @param {number} index */
  tileAt(index) {
    const photo = this.photos[index];
    return photo ? this.source.tile(photo, index) : emptyTile();
  }

  /** @override @param {number} number of the section */
  headingOf(number) {
    const section = /** @type {Section} */ (this.sections[number]);
    const heading = this.source.heading(section, this);
    heading.style.blockSize = `${this.layout.block(number).heading - this.rowGap}px`;
    return heading;
  }

  /** @override */
  render() {
    super.render();
    this.source.onrender();
  }

  /** @override */
  measure() {
    this.known = null;
    super.measure();
  }

  /** @override */
  resize() {
    const first = this.rowHeight ? this.topIndex : 0;
    super.resize();
    if (!this.photos.length) return;
    this.measure();
    if (first) this.showAt(first); // what was looked at stays
  }

  /** Bring a photo to the top of the screen, below its heading if it is the first there. @param {number} index */
  showAt(index) {
    const section = this.layout.sectionOf(index);
    const isFirst = this.layout.block(section).start === index;
    this.scrollTo(isFirst ? this.layout.top(section) : this.layout.topOf(index));
  }

  /** Index of the first photo on the screen. */
  get topIndex() {
    if (!this.photos.length) return 0;
    return this.layout.lineAt(Math.max(0, -this.list.getBoundingClientRect().top) + 1).from;
  }

  /** Load the page in the middle first: a person looks there. @override @param {number} from @param {number} to */
  need(from, to) {
    const [first, last] = [Math.floor(from / PAGE), Math.floor((to - 1) / PAGE)];
    const middle = (first + last) / 2;
    const pages = Array.from({ length: last - first + 1 }, (_each, n) => first + n);
    for (const page of pages.sort((one, other) => Math.abs(one - middle) - Math.abs(other - middle))) {
      if (this.loading.size >= AT_ONCE) return;
      if (!this.failed.has(page) && !this.isLoaded(page)) this.load(page).then(() => this.scheduleRender());
    }
  }

  /** @param {number} page */
  isLoaded(page) {
    const end = Math.min(this.photos.length, (page + 1) * PAGE);
    for (let index = page * PAGE; index < end; index += 1) if (!this.photos[index]) return false;
    return true;
  }

  /** Load the photo at this place, if there are so many. @param {number} index */
  async reach(index) {
    if (index >= 0 && index < this.photos.length && !this.photos[index]) await this.load(Math.floor(index / PAGE));
  }

  /** @param {number} page */
  load(page) {
    const there = this.loading.get(page);
    if (there) return there;
    const loading = this.loadPage(page)
      .catch((error) => {
        this.failed.add(page);
        this.source.onerror(error);
      })
      .finally(() => this.loading.get(page) === loading && this.loading.delete(page));
    this.loading.set(page, loading);
    return loading;
  }

  /** @param {number} page */
  async loadPage(page) {
    const { generation } = this;
    const start = page * PAGE;
    const { photos } = await this.source.page(this.part(start, PAGE));
    if (generation !== this.generation) return;
    const fit = photos.every(({ day }, n) => day === this.days[dayAt(this.days, start + n)]?.day);
    if (!fit || photos.length < Math.min(PAGE, this.photos.length - start)) return this.reload();
    photos.forEach((photo, n) => this.place(photo, start + n));
    this.source.onload();
  }

  /** Somebody added or removed photos: count again. */
  async reload() {
    if (Date.now() - this.reloadedAt > RELOAD_MS) await this.restart();
  }

  /** @param {ListedPhoto} photo @param {number} index */
  place(photo, index) {
    this.photos[index] = Object.assign(this.unread[index] ?? {}, photo, { unread: undefined }); // what is chosen stays it
    const tile = this.tiles.get(index);
    if (!tile) return;
    const made = this.tileAt(index);
    tile.replaceWith(made);
    this.tiles.set(index, made);
  }

  /** The part of the list that begins with a photo. @param {number} index @param {number} limit @returns {Part} */
  part(index, limit) {
    const day = this.days[dayAt(this.days, index)];
    return { day: day?.day ?? null, skip: index - (day?.start ?? 0), limit };
  }

  /** All photos from one index to before another, loaded or not. @param {number} from @param {number} to */
  async between(from, to) {
    let index = from;
    while (index < to) {
      if (this.entryAt(index)) index += 1;
      else index += await this.learn(index, Math.min(IDS_PAGE, to - index));
    }
    return Array.from({ length: to - from }, (_each, n) => this.entryAt(from + n)).filter(
      (entry) => entry !== undefined,
    );
  }

  /** Ask for the ids of photos that are not loaded; says how many it learnt. @param {number} start @param {number} limit */
  async learn(start, limit) {
    const { generation } = this;
    const { runs, total } = await this.source.ids(this.part(start, limit));
    const entries = runs.flatMap((run) => run.photo_ids.map((id) => unreadEntry(id, run)));
    if (generation !== this.generation || total !== this.photos.length || !entries.length) {
      await this.reload();
      throw new Error(_("There are other photos here by now. Choose again."));
    }
    entries.forEach((entry, n) => {
      if (!this.entryAt(start + n)) this.unread[start + n] = entry;
    });
    return entries.length;
  }

  /** @override @param {number} index */
  focus(index) {
    super.focus(index);
    if (!this.photos[index]) this.reach(index).then(() => super.focus(index));
  }
}
