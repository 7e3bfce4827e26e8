// What a sketch may mean, as images imagined of it: the one that is picked searches. The sketch itself is one of the tiles.

import { paint } from "../canvas/strokes.js";
import { byId, h, setDisabled } from "../lib/dom.js";
import { formatCategory } from "../lib/format.js";
import { _ } from "../lib/i18n.js";

/** @import { Reading } from "../../../typings/api" */
/** @import { Stroke } from "../canvas/strokes.js" */

const SIDE = 256;
const GAP = 8;

/** @type {Record<string, number>} */
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export class Readings {
  /** @param {() => void} onpick something else searches */
  constructor(onpick) {
    this.onpick = onpick;
    this.placeholder = byId("no-readings");
    this.group = byId("readings");
    this.preview = h("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
    this.sketch = h("button", { class: "reading sketch", role: "radio" }, this.preview, name(_("Your sketch")));
    this.sketch.onclick = () => this.letGo();
    /** @type {Reading[]} */
    this.readings = [];
    /** @type {Tile[]} */
    this.tiles = [];
    /** @type {number[]|null} the photos of the one that is picked */
    this.picked = null;
    this.round = 0;
    this.group.prepend(this.sketch);
    this.group.addEventListener("keydown", (event) => this.#onKey(event));
    this.#mark(-1);
    this.watcher = new IntersectionObserver(([last]) => this.#refreshFurther(last), {
      root: this.group,
      threshold: 0.9,
    });
    byId("further").onclick = () => this.#scroll();
    byId("again").onclick = () => {
      this.round += 1;
      this.onpick();
    };
  }

  /** Show what is drawn. @param {Stroke[]} strokes @param {string} picture the URL of a picture that is searched with instead, or nothing */
  draw(strokes, picture) {
    const context = this.preview.getContext("2d");
    context?.clearRect(0, 0, SIDE, SIDE);
    if (context) paint(context, strokes, SIDE);
    this.preview.style.background = picture && `center / contain no-repeat url(${picture})`;
  }

  /** The sketch changed: its first images again. What is picked stays so. */
  beginAgain() {
    this.round = 0;
  }

  /** Nothing is drawn: nothing is imagined, and nothing picked. */
  clear() {
    this.beginAgain();
    this.picked = null;
    this.show([]);
  }

  /** Search with the sketch again; says whether something was picked. */
  letGo() {
    if (!this.picked) return false;
    this.picked = null;
    this.#mark(-1);
    this.onpick();
    return true;
  }

  /** @param {FormData} form of a search */
  appendTo(form) {
    form.append("round", String(this.round));
    for (const id of this.picked ?? []) form.append("reading", String(id));
  }

  /** @param {Reading[]} readings the most likely first */
  show(readings) {
    this.readings = readings;
    this.placeholder.hidden = readings.length > 0;
    while (this.tiles.length > readings.length) this.tiles.pop()?.button.remove();
    while (this.tiles.length < readings.length) this.#addTile(this.tiles.length);
    readings.forEach((reading, i) => this.tiles[i]?.show(reading, i, readings.length));
    setDisabled(!readings.length, "again");
    this.#watchLast();
    // Photos that were deleted meanwhile make no reading any more.
    const picked = this.picked ? readings.findIndex((reading) => reading.picked) : -1;
    if (picked < 0) this.picked = null;
    this.#mark(picked);
  }

  /** Tiles stay where they are and change their images: a finger that comes down on one finds it. @param {number} place */
  #addTile(place) {
    const tile = new Tile(() => this.#pick(place));
    this.tiles.push(tile);
    this.group.append(tile.button);
  }

  /** @param {number} place */
  #pick(place) {
    const reading = this.readings[place];
    if (!reading) return;
    if (this.tiles[place]?.checked) return void this.letGo();
    this.picked = reading.photo_ids;
    this.#mark(place);
    this.onpick();
  }

  /** @param {number} place of the picked one, -1 for the sketch */
  #mark(place) {
    this.tiles.forEach((tile, i) => check(tile.button, i === place));
    check(this.sketch, place < 0);
    const { button } = this.tiles[place] ?? {};
    if (this.group.contains(document.activeElement)) (button ?? this.sketch).focus();
    if (button) this.#bringBesideSketch(button);
  }

  /** With a mouse alone nobody can scroll to the side. */
  #watchLast() {
    this.watcher.disconnect();
    const last = this.tiles.at(-1);
    if (last) this.watcher.observe(last.button);
    else byId("further").hidden = true;
  }

  /** @param {IntersectionObserverEntry|undefined} last the last tile */
  #refreshFurther(last) {
    const { scrollWidth, clientWidth } = this.group;
    const button = byId("further");
    button.hidden = scrollWidth <= clientWidth;
    button.classList.toggle("end", Boolean(last?.isIntersecting));
  }

  /** By what is seen, and from the end back to the beginning. */
  #scroll() {
    const room = this.group.clientWidth - this.sketch.offsetWidth - GAP;
    const isEnd = byId("further").classList.contains("end");
    const sign = getComputedStyle(this.group).direction === "ltr" ? 1 : -1;
    this.group.scrollBy({ left: sign * (isEnd ? -this.group.scrollWidth : room) });
  }

  /** Where they do not all fit, the sketch stays and the picked one comes to stand beside it. @param {HTMLElement} button */
  #bringBesideSketch(button) {
    const [sketch, picked] = [this.sketch.getBoundingClientRect(), button.getBoundingClientRect()];
    const isLeftToRight = getComputedStyle(this.group).direction === "ltr";
    this.group.scrollBy({ left: isLeftToRight ? picked.left - sketch.right - GAP : picked.right - sketch.left + GAP });
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const radios = [...this.group.querySelectorAll("button")].filter((radio) => !radio.disabled);
    const focused = radios.findIndex((radio) => radio === document.activeElement);
    radios.at((focused + step) % radios.length)?.click();
  }
}

/** A large imaginary image, what it may be, and its best photos small. */
class Tile {
  /** @param {() => void} onclick */
  constructor(onclick) {
    this.image = h("img", { width: SIDE, height: SIDE });
    this.name = name("");
    this.photos = h("span", { class: "examples" });
    this.button = h("button", { class: "reading", role: "radio", onclick }, this.image, this.name, this.photos);
  }

  get checked() {
    return this.button.getAttribute("aria-checked") === "true";
  }

  /** @param {Reading} reading @param {number} i @param {number} n how many there are */
  show({ url, name, photos, photo_ids: ids }, i, n) {
    this.image.src = url;
    this.image.alt = _("Imaginary image {i} of {n}", { i: i + 1, n });
    this.name.textContent = name ? _("{name}?", { name: formatCategory(name) }) : "";
    this.button.disabled = !ids.length; // an empty library
    this.photos.replaceChildren(...photos.map(({ thumbnail_url: src }) => h("img", { src, alt: "" })));
  }
}

/** @param {string} text */
const name = (text) => h("span", { class: "name" }, text);

/** @param {HTMLElement} radio @param {boolean} checked */
function check(radio, checked) {
  radio.setAttribute("aria-checked", String(checked));
  radio.tabIndex = checked ? 0 : -1;
}
