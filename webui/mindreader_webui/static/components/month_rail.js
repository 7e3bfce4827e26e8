// Beside a long list of photos: where in time one is, and the way to any month. Years stand at it where there is room.

import { h } from "../lib/dom.js";
import { formatMonth } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";
import { lastAtMost } from "./grid_layout.js";
import { monthOf } from "./sections.js";

/** @import { SectionGrid } from "./section_grid.js" */
/** @typedef {{month: string, day: string, y: number, count: number}} Month where it begins in the list */

const LEAST_SCREENS = 2; // shorter lists need no rail
const IDLE_MS = 1500;
const LABEL_PX = 22;
const MONTHS_OF_A_YEAR = 12;
/** @type {Record<string, number>} by how many months a key goes */
const KEYS = {
  ArrowUp: -1,
  ArrowLeft: -1,
  ArrowDown: 1,
  ArrowRight: 1,
  PageUp: -MONTHS_OF_A_YEAR,
  PageDown: MONTHS_OF_A_YEAR,
};

export class MonthRail {
  /** @param {SectionGrid} grid */
  constructor(grid) {
    this.grid = grid;
    /** @type {Month[]} */
    this.months = [];
    /** The month a key led to: those on the last screen never come to its top. */
    this.reached = { number: 0, scrollY: -1 };
    /** @type {unknown} what the months were read from */
    this.of = null;
    this.years = h("div", { class: "rail-years", "aria-hidden": "true" });
    this.bubble = h("span", { class: "rail-bubble" });
    this.handle = h("div", { class: "rail-handle" }, this.bubble);
    const slider = { role: "slider", tabindex: 0, "aria-label": _("Jump to a month"), "aria-orientation": "vertical" };
    this.rail = h("div", { class: "rail", ...slider, "aria-valuemin": 0, hidden: true }, this.years, this.handle);
    grid.list.after(this.rail);
    this.rail.addEventListener("keydown", (event) => this.onKey(event));
    this.rail.addEventListener("pointerdown", (event) => this.grab(event));
    this.rail.addEventListener("pointermove", (event) => this.hover(event));
    this.rail.addEventListener("pointerleave", () => this.rail.classList.remove("pointed"));
    addEventListener("scroll", () => this.stir(), { passive: true });
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.timer = undefined;
  }

  /** What is on the screen changed, or all of the list. */
  update() {
    const { layout, sections, photos } = this.grid;
    if (this.of !== layout) {
      this.of = layout;
      this.reached.scrollY = -1;
      this.months = photos.length ? monthsOf(this.grid) : [];
      const isLong = layout.height > LEAST_SCREENS * innerHeight;
      this.rail.hidden = !isLong || this.months.length < 2 || sections[0]?.kind === "none";
      this.rail.setAttribute("aria-valuemax", String(this.months.length - 1));
      this.labelYears();
    }
    if (!this.rail.hidden) this.point(this.y);
  }

  /** How far down in the list one is. */
  get y() {
    return Math.max(0, -this.grid.list.getBoundingClientRect().top);
  }

  /** How far one can go down. */
  get range() {
    return Math.max(1, this.grid.layout.height - innerHeight);
  }

  labelYears() {
    const { height } = this.rail.getBoundingClientRect();
    let last = -Infinity;
    const labels = this.months.flatMap(({ month, y }, n) => {
      const year = month.slice(0, 4);
      if (this.months[n - 1]?.month.startsWith(year)) return [];
      const at = Math.min(1, y / this.range);
      if ((at - last) * height < LABEL_PX) return [];
      last = at;
      const label = h("span", {}, year);
      label.style.insetBlockStart = `${at * 100}%`;
      return [label];
    });
    this.years.replaceChildren(...labels);
  }

  /** Show where one is. @param {number} y */
  point(y) {
    const number = this.monthAt(y);
    const month = this.months[number];
    if (!month) return;
    const name = formatMonth(month.day);
    this.handle.style.insetBlockStart = `${Math.min(1, y / this.range) * 100}%`;
    this.bubble.textContent = name;
    this.rail.setAttribute("aria-valuenow", String(number));
    this.rail.setAttribute(
      "aria-valuetext",
      ngettext("{month}, {n} photo", "{month}, {n} photos", month.count, { month: name }),
    );
  }

  /** @param {number} y */
  monthAt(y) {
    if (y === this.y && scrollY === this.reached.scrollY) return this.reached.number;
    return lastAtMost(this.months, y + 1, (month) => month.y);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const last = this.months.length - 1;
    const step = KEYS[event.key];
    const ends = { Home: 0, End: last };
    const to = step === undefined ? ends[/** @type {"Home"|"End"} */ (event.key)] : this.monthAt(this.y) + step;
    if (to === undefined) return;
    event.preventDefault();
    const number = Math.min(last, Math.max(0, to));
    this.grid.scrollTo(this.months[number]?.y ?? 0);
    this.reached = { number, scrollY };
    this.point(this.y);
  }

  /** @param {PointerEvent} event */
  grab(event) {
    if (event.button) return;
    event.preventDefault();
    this.rail.focus({ preventScroll: true });
    this.rail.setPointerCapture(event.pointerId);
    this.rail.classList.add("dragged");
    const follow = (/** @type {PointerEvent} */ { clientY }) => this.grid.scrollTo(this.heightAt(clientY));
    const stop = () => {
      this.rail.classList.remove("dragged");
      this.rail.removeEventListener("pointermove", follow);
      this.stir();
    };
    this.rail.addEventListener("pointermove", follow);
    this.rail.addEventListener("lostpointercapture", stop, { once: true });
    if (event.pointerType === "mouse") follow(event);
  }

  /** Of a place on the rail, in the list. @param {number} clientY */
  heightAt(clientY) {
    const { top, height } = this.rail.getBoundingClientRect();
    return Math.min(1, Math.max(0, (clientY - top) / height)) * this.range;
  }

  /** A mouse over the rail sees where a click would lead. @param {PointerEvent} event */
  hover(event) {
    if (event.pointerType !== "mouse" || this.rail.classList.contains("dragged")) return;
    this.rail.classList.add("pointed");
    this.point(this.heightAt(event.clientY));
  }

  /** On a phone the handle is there while one scrolls. */
  stir() {
    this.rail.classList.add("stirred");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.rail.classList.remove("stirred"), IDLE_MS);
  }
}

/** @param {SectionGrid} grid @returns {Month[]} */
function monthsOf({ sections, layout }) {
  return sections.flatMap(({ day, inMonth }, n) =>
    day && inMonth ? [{ month: monthOf(day) ?? "", day, y: layout.top(n), count: inMonth }] : [],
  );
}
