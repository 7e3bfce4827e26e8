// A list of photos in an order, as a timeline or by name: filters, sections, the rail beside it, and what is done with photos.

import { byId, setDisabled, showError } from "../lib/dom.js";
import { formatDate, formatDayAndMonth, formatDayAndTime, formatTaken, formatTime } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";
import { get } from "../lib/api.js";
import { MonthRail } from "./month_rail.js";
import { PhotoFilters } from "./photo_filters.js";
import { PhotoToolbar, photoActions } from "./photo_toolbar.js";
import { SectionGrid } from "./section_grid.js";
import { headingOf, markHeading } from "./section_headings.js";
import { dayAt } from "./sections.js";
import { Selection } from "./selection.js";
import { openSimilar } from "./similar.js";
import { isGuess } from "./taken.js";
import { canBeSearchedWith, idOf, openViewer, photoTile, refreshViewer, sourceOf } from "./viewer.js";

/** @import { ListedPhoto } from "../../../typings/api" */
/** @import { Contents, Part } from "./section_grid.js" */
/** @import { AnyPhoto, ViewerButton } from "./viewer.js" */

const TOP_SCREENS = 2;
const ADDRESS_MS = 300;
const MOST_LOOKED_THROUGH = 1200; // photos, for one of them

/** The page holds photo_list.html and photo_filters.html. */
export class PhotoList {
  /**
   * @param {number|null} collectionId the one the page is about; null: all photos
   * @param {{buttons: (photo: AnyPhoto) => ViewerButton[], onedit: () => void, onload: () => void}} page what is done with a
   *   photo only there, and who wants to know of changes
   */
  constructor(collectionId, page) {
    this.collectionId = collectionId;
    this.page = page;
    this.filters = new PhotoFilters(collectionId, () => this.restart());
    const ask = () => this.filters.query;
    this.grid = new SectionGrid(byId("photos"), {
      days: () => get("/photos/days", { query: ask() }),
      page: (/** @type {Part} */ part) => get("/photos", { query: { ...ask(), ...part } }),
      ids: (/** @type {Part} */ part) => get("/photos/ids", { query: { ...ask(), ...part } }),
      tile: (photo, index) => this.tile(photo, index),
      heading: (section, grid) => headingOf(section, grid, this.selection),
      onerror: showError,
      onload: () => this.onload(),
      onrender: () => this.onrender(),
    });
    this.rail = new MonthRail(this.grid);
    this.selection = new Selection(this.grid, () => this.onselect());
    this.act = photoActions({
      onchange: (photos) => this.onchange(photos),
      ondone: (photos) => this.selection.drop(photos.map(idOf)),
      onmove: (photos) => this.onmove(photos),
      onremove: (photos) => this.onremove(photos),
      onreturn: (photos) => this.onreturn(photos),
    });
    this.toolbar = new PhotoToolbar(this.selection, () => this.grid.photos, this.act);
    this.source = sourceOf(() => this.grid.photos, {
      indexOf: (id) => this.grid.photos.findIndex((photo) => photo?.id === id), // there may be holes
      reach: (index) => this.grid.reach(index),
      focus: (index) => this.grid.focus(index),
      buttons: (photo) => this.buttons(photo),
      similar: openSimilar,
      act: this.act,
    });
    byId("more-like").onclick = () => {
      const [chosen] = this.toolbar.chosen();
      if (chosen) openSimilar(chosen, null);
    };
    /** @type {AnyPhoto[]} what the address names, if it is not in the grid */
    this.named = [];
    /** @type {{contents: Contents, ids: Set<number>, after: number}|null} before photos were taken out */
    this.before = null;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.timer = undefined;
    this.started = false;
    this.moves = 0; // so often the list was loaded anew since photos stood elsewhere
    history.scrollRestoration = "manual";
    byId("top").onclick = () => {
      scrollTo({ top: 0 });
      byId("select").focus({ preventScroll: true });
    };
  }

  /** Show the list where the address says. */
  async start() {
    const at = new URLSearchParams(location.search).get("at");
    if (await this.grid.restart()) this.goTo(at);
    this.started = true;
  }

  /** Other photos, or another order. */
  async restart() {
    this.selection.clear();
    if (await this.grid.restart()) scrollTo({ top: 0 });
    this.writeAddress();
  }

  /** The same list as the server has it by now, where one is. */
  async reload() {
    const at = scrollY;
    if (await this.grid.restart()) scrollTo({ top: at, behavior: "instant" });
    this.page.onedit();
  }

  /** @param {string|null} at a day, or how many photos come before */
  goTo(at) {
    const { grid } = this;
    if (!at || !grid.photos.length) return;
    const descending = this.filters.sort[1] === "descending";
    const isPast = (/** @type {string|null} */ day) => (descending ? (day ?? "") <= at : (day ?? "") >= at);
    const index = /^\d+$/.test(at) ? Number(at) : (grid.days.find(({ day }) => isPast(day))?.start ?? 0);
    if (index > 0 && index < grid.photos.length) grid.showAt(index);
  }

  /** What is at the top of the screen, for whoever loads the page again. */
  writeAddress() {
    const params = new URLSearchParams(location.search);
    this.filters.write(params);
    const { topIndex, days } = this.grid;
    const day = days[dayAt(days, topIndex)];
    if (topIndex) params.set("at", day?.day ?? String(topIndex));
    else params.delete("at");
    history.replaceState(history.state, "", `${location.pathname}${params.size ? `?${params}` : ""}${location.hash}`);
  }

  onload() {
    const { length } = this.grid.photos;
    byId("end").textContent = length ? "" : this.filters.whyNone;
    byId("clear-filters").hidden = length > 0 || !this.filters.active;
    byId("all").textContent = ngettext("Select {n} photo", "Select all {n} photos", length);
    this.toolbar.refresh();
    this.page.onload();
  }

  onrender() {
    this.rail.update();
    byId("top").hidden = scrollY < TOP_SCREENS * innerHeight;
    if (!this.started) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.writeAddress(), ADDRESS_MS);
  }

  onselect() {
    this.toolbar.refresh();
    const [chosen, another] = this.toolbar.chosen();
    setDisabled(!chosen || another !== undefined || !canBeSearchedWith(chosen), "more-like");
    for (const heading of this.grid.headings.values()) markHeading(heading, this.grid, this.selection);
  }

  /** @param {AnyPhoto} photo */
  buttons(photo) {
    const more = {
      icon: /** @type {const} */ ("more"),
      label: _("More like this"),
      run: () => openSimilar(photo, null),
    };
    return [...(canBeSearchedWith(photo) ? [more] : []), ...this.page.buttons(photo)];
  }

  /** @param {ListedPhoto} photo @param {number} index */
  tile(photo, index) {
    const made = photoTile(photo, this.noteOn(photo, index), index, (event) => {
      if (!this.selection.click(index, event)) openViewer(this.source, index);
    });
    this.selection.mark(made, photo);
    return made;
  }

  /** What its heading does not say. @param {ListedPhoto} photo @param {number} index */
  noteOn(photo, index) {
    if (photo.state === "failed") return _("Failed: {reason}", { reason: photo.error ?? "" });
    if (photo.state !== "indexed") return _("waiting");
    const [key] = this.filters.sort;
    const byDate = key === "taken";
    if (key === "name" && photo.category) return photo.filename; // its category stands above
    if (!photo.taken_at) return byDate ? _("no date") : _("uploaded {date}", { date: formatDate(photo.created_at) });
    if (isGuess(photo)) return _("perhaps {date}", { date: (byDate ? formatDayAndMonth : formatDate)(photo.taken_at) });
    if (!byDate) return formatTaken(photo.taken_at);
    const section = this.grid.sections[this.grid.layout.sectionOf(index)];
    return section?.kind === "month" ? formatDayAndTime(photo.taken_at) : formatTime(photo.taken_at);
  }

  /** In the viewer and in the grid; where it was the date, they stand elsewhere now. @param {AnyPhoto[]} photos */
  onchange(photos) {
    const changed = new Map(photos.map((photo) => [idOf(photo), photo]));
    const { grid } = this;
    let moved = false;
    grid.photos.forEach((photo, index) => {
      Object.assign(photo, changed.get(photo.id));
      moved ||=
        changed.has(photo.id) && this.filters.sort[0] === "taken" && photo.taken_at?.slice(0, 10) !== this.dayOf(index);
    });
    moved ||= photos.some((photo) => "unread" in photo && photo.unread === true);
    moved ||= grid.loading.size > 0; // what is on its way may say what was before
    if (moved) this.showMoved(photos).catch(showError);
    else this.shownAnew();
  }

  /** They stand elsewhere now; the viewer goes on with the one it shows. @param {AnyPhoto[]} photos */
  async showMoved(photos) {
    const move = (this.moves += 1);
    await this.reload();
    if (photos.length === 1 && photos[0]) await this.find(photos[0]);
    if (move === this.moves) refreshViewer(); // else the list is on its way once more, and the photo nowhere in it
  }

  /** Load a photo from where it stands, unless that is a day with very many. @param {AnyPhoto} photo */
  async find(photo) {
    const { grid, source } = this;
    const uploaded = "created_at" in photo ? photo.created_at : "";
    const moment = this.filters.sort[0] === "taken" ? (photo.taken_at ?? uploaded) : uploaded;
    const day = grid.days.find((each) => each.day === moment.slice(0, 10));
    if (!day) return;
    const end = day.start + Math.min(day.count, MOST_LOOKED_THROUGH);
    for (let index = day.start; index < end && source.indexOf(idOf(photo)) < 0; index += 1) await grid.reach(index);
  }

  /** @param {number} index */
  dayOf(index) {
    const { days } = this.grid;
    return days[dayAt(days, index)]?.day;
  }

  /** They are in another collection now. @param {AnyPhoto[]} photos */
  onmove(photos) {
    this.selection.renumber();
    if (this.filters.query.collection_id) this.onremove(photos);
    else this.shownAnew();
  }

  /** They are not in this list any more. @param {AnyPhoto[]} photos */
  onremove(photos) {
    const ids = new Set(photos.map(idOf));
    this.selection.drop(ids);
    const { contents } = this.grid;
    this.named = this.named.filter((photo) => !ids.has(idOf(photo)));
    this.before = null;
    if (!this.grid.remove(ids)) return void this.reload();
    this.before = { contents, ids, after: this.grid.generation };
    this.shownAnew();
  }

  /** They are here again. @param {AnyPhoto[]} photos */
  async onreturn(photos) {
    const { before } = this;
    const all = before && photos.length === before.ids.size && photos.every((photo) => before.ids.has(idOf(photo)));
    this.before = null;
    if (all && before.after === this.grid.generation) this.grid.fill(before.contents);
    else {
      await this.reload();
      if (photos[0]) await this.find(photos[0]);
    }
    if (!photos.some((photo) => this.source.indexOf(idOf(photo)) >= 0)) this.named = photos;
    this.shownAnew(photos[0] && idOf(photos[0]));
  }

  /** @param {number} [id] of the photo the viewer shows from now on */
  shownAnew(id) {
    this.grid.redraw();
    this.onload();
    refreshViewer(id);
    this.page.onedit();
  }

  /** A photo the address names, among the others if it is one of the first. @param {number} wanted its id */
  async openNamed(wanted) {
    await this.grid.reach(0);
    const index = this.source.indexOf(wanted);
    if (index >= 0) return openViewer(this.source, index);
    this.named = [await get("/photos/{photo_id}", { path: { photo_id: wanted } })];
    const source = sourceOf(() => this.named, {
      buttons: (photo) => this.buttons(photo),
      similar: openSimilar,
      act: this.act,
    });
    return openViewer(source, 0);
  }
}
