// The viewer: one photo on the whole screen, the next and the one before, closer, and what is known of it.

import { canBeSearchedWith, idOf } from "../components/viewer.js";
import { closeCovering, showCovering } from "../lib/dialog_history.js";
import { h, showError } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";
import { FoundInPhoto } from "./found.js";
import { Gestures } from "./gestures.js";
import { icon } from "./icons.js";
import { InfoPanel } from "./info.js";
import { Picture } from "./picture.js";
import { Zoom } from "./zoom.js";

/** @import { AnyPhoto, PhotoSource } from "../components/viewer.js" */
/** @import { FrameTool } from "./frame_tool.js" */
/** @import { IconName } from "./icons.js" */
/** @import { Point } from "./zoom.js" */

const STEP = 1.5;
const PAN_PIXELS = 80;
const SWIPED_PIXELS = 60;
const CLOSING_PIXELS = 120;

/** @type {Record<string, [number, number]>} which way a key moves what is seen */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Viewer {
  constructor() {
    this.image = h("img", { alt: "", draggable: "false" });
    this.sheet = h("div", { class: "viewer-photo" }, this.image);
    this.stage = h("div", { class: "viewer-stage", tabindex: -1 }, this.sheet);
    this.title = h("h2", { id: "viewer-title" });
    this.place = h("p", {});
    this.info = new InfoPanel();
    this.found = new FoundInPhoto(this.sheet);
    this.foundShown = button("found", _("Frame"), "F", () => this.found.toggle());
    this.found.onchange = (shown) => this.foundShown.setAttribute("aria-pressed", String(shown));
    this.searchIn = button("frame", _("Search in this photo"), "S", () => this.searchInPhoto());
    this.previous = button("previous", _("Previous photo"), "←", () => this.step(-1), "viewer-step");
    this.next = button("next", _("Next photo"), "→", () => this.step(1), "viewer-step viewer-next");
    this.smaller = button("smaller", _("Smaller"), "-", () => this.zoomBy(1 / STEP), "viewer-zoom");
    this.larger = button("larger", _("Larger"), "+", () => this.zoomBy(STEP), "viewer-zoom");
    this.about = button("info", _("Info"), "I", () => this.toggleInfo());
    this.about.setAttribute("aria-expanded", "false");
    this.remove = button("delete", _("Delete"), _("Del"), () => this.act("remove"));
    this.download = h("a", { download: "", class: "viewer-button", title: _("Download") }, icon("download"));
    this.download.append(h("span", {}, _("Download")));
    this.only = h("div", { class: "viewer-only" }); // what can be done only on this page
    this.dialog = this.build();
    this.picture = new Picture(this.image);
    this.zoom = new Zoom();
    this.index = -1;
    /** @type {PhotoSource|undefined} */
    this.source = undefined;
    /** @type {AnyPhoto|undefined} */
    this.photo = undefined;
    /** @type {FrameTool|undefined} fetched when it is first needed */
    this.tool = undefined;
    this.listen();
  }

  build() {
    const tools = { class: "viewer-tools", role: "toolbar", "aria-label": _("This photo") };
    const dialog = h(
      "dialog",
      { id: "viewer", class: "viewer", "aria-labelledby": "viewer-title" },
      button("close", _("Close"), _("Esc"), () => this.close(), "viewer-close"),
      h("div", { class: "viewer-head", "aria-live": "polite" }, this.title, this.place, this.found.sentence),
      h(
        "div",
        tools,
        this.smaller,
        this.larger,
        this.foundShown,
        this.only,
        this.searchIn,
        this.download,
        this.about,
        this.remove,
      ),
      this.stage,
      this.previous,
      this.next,
      this.info.panel,
    );
    document.body.append(dialog);
    return dialog;
  }

  listen() {
    new ResizeObserver(() => this.layOut()).observe(this.stage);
    new Gestures(this.stage, {
      isZoomed: () => this.zoom.isIn,
      zoom: (factor, at) => this.zoomBy(factor, at, false),
      pan: (dx, dy) => this.panBy(dx, dy, false),
      toggle: (at) => this.changeZoom(() => this.zoom.toggle(at), true),
      drag: (dx, dy) => this.drag(dx, dy),
      release: (dx, dy) => this.release(dx, dy),
    });
    // Before anybody else: the keys of the page below mean other things.
    addEventListener("keydown", (event) => this.onKey(event), { capture: true });
    this.dialog.addEventListener("cancel", (event) => {
      if (this.tool?.leave()) event.preventDefault(); // the way back of a phone comes here without a key
    });
    this.dialog.addEventListener("close", () => {
      this.tool?.leave();
      this.source?.focus(this.index);
    });
  }

  /** @param {PhotoSource} source @param {number} index */
  open(source, index) {
    this.source = source;
    this.photo = undefined;
    showCovering(this.dialog);
    this.show(index);
  }

  /** @returns {Promise<void>} once the browser's history is at the page again */
  close() {
    return closeCovering(this.dialog);
  }

  /** @param {number} index of a photo that is loaded */
  show(index) {
    const { source } = this;
    const photo = source?.at(index);
    if (!source || !photo) return;
    const isOther = !this.photo || idOf(this.photo) !== idOf(photo);
    this.index = index;
    this.photo = photo;
    this.describe(photo, source);
    if (isOther) {
      this.tool?.leave();
      this.zoom.reset();
      this.stage.classList.remove("gliding");
      this.layOut();
      this.picture.show(photo).then(() => this.prepareNeighbours(index));
    }
    this.refreshSteps();
    if (!this.dialog.contains(document.activeElement)) this.stage.focus();
  }

  /** @param {AnyPhoto} photo @param {PhotoSource} source */
  describe(photo, source) {
    const total = source.total();
    this.title.textContent = photo.filename;
    this.place.textContent = total && total > 1 ? _("{n} of {total}", { n: this.index + 1, total }) : "";
    this.only.replaceChildren(
      ...source.buttons(photo).map(({ icon: name, label, run }) => button(name, label, "", run)),
    );
    this.found.show(("boxes" in photo && photo.boxes) || []);
    this.foundShown.hidden = !this.found.isSomewhere;
    this.searchIn.hidden = !source.similar || !canBeSearchedWith(photo);
    this.download.href = photo.original_url;
    this.download.download = photo.filename;
    this.remove.hidden = !source.act || !photo.may_change;
    if (!this.info.panel.hidden) this.info.show(photo, source);
  }

  /** @param {number} index where one is */
  async prepareNeighbours(index) {
    await this.source?.reach(index + 1);
    if (index !== this.index) return;
    this.refreshSteps();
    this.picture.prepare(this.source?.at(index + 1));
    this.picture.prepare(this.source?.at(index - 1));
  }

  /** A button that has the focus keeps it: keys would find nobody else. */
  refreshSteps() {
    for (const [step, by] of /** @type {const} */ ([
      [this.previous, -1],
      [this.next, 1],
    ])) {
      // prettier-ignore
      step.setAttribute("aria-disabled", String(!this.source?.at(this.index + by)));
    }
  }

  /** @param {number} by */
  async step(by) {
    const { index } = this;
    await this.source?.reach(index + by);
    if (index === this.index) this.show(index + by);
  }

  /** The photos changed: show what is known now; where this one is gone, the one that took its place. @param {number} [id] */
  async refresh(id) {
    const { source, photo } = this;
    if (!this.dialog.open || !source || !photo) return;
    this.info.askAnew();
    let index = source.indexOf(id ?? idOf(photo));
    if (index < 0) {
      await source.reach(this.index);
      index = source.at(this.index) ? this.index : this.index - 1;
    }
    if (source.at(index)) this.show(index);
    else this.close();
  }

  /** @param {import("../components/photo_toolbar.js").ActionName} name */
  act(name) {
    if (this.photo) this.source?.act?.(name, [this.photo]);
  }

  toggleInfo() {
    const { panel } = this.info;
    panel.hidden = !panel.hidden;
    this.about.setAttribute("aria-expanded", String(!panel.hidden));
    if (!panel.hidden && this.photo && this.source) this.info.show(this.photo, this.source);
  }

  /** Have a frame drawn over a part of the photo, to search for more like it. */
  async searchInPhoto() {
    const { photo, source } = this;
    if (!photo || !source?.similar || this.searchIn.hidden) return;
    try {
      const { FrameTool } = await import("./frame_tool.js");
      this.tool ??= new FrameTool(this.dialog, this.zoom, this.searchIn);
    } catch (error) {
      return showError(error);
    }
    if (photo !== this.photo || !this.dialog.open) return;
    this.tool.start(this.found.boxes, (box) => source.similar?.(photo, box));
  }

  /** The room changed, or the photo in it. */
  layOut() {
    if (!this.photo) return;
    const { width, height } = this.stage.getBoundingClientRect();
    this.zoom.room = { width, height };
    this.zoom.photo = { width: this.photo.width, height: this.photo.height };
    this.zoom.settle();
    this.sheet.style.width = `${this.zoom.fit.width}px`;
    this.sheet.style.height = `${this.zoom.fit.height}px`;
    this.draw();
  }

  draw() {
    const { x, y, scale, isIn, fit, most } = this.zoom;
    this.sheet.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    this.sheet.style.setProperty("--scale", String(scale));
    this.stage.classList.toggle("zoomed", isIn);
    this.smaller.setAttribute("aria-disabled", String(!isIn));
    this.larger.setAttribute("aria-disabled", String(scale >= most));
    this.tool?.draw();
    if (isIn) this.picture.sharpen(Math.max(fit.width, fit.height) * scale * devicePixelRatio);
  }

  /** @param {() => void} change @param {boolean} glides whether one sees the way there, if one likes that */
  changeZoom(change, glides) {
    this.stage.classList.toggle("gliding", glides);
    change();
    this.draw();
  }

  /** @param {number} factor @param {Point} [at] @param {boolean} [glides] */
  zoomBy(factor, at, glides = true) {
    this.changeZoom(() => this.zoom.by(factor, at), glides);
  }

  /** @param {number} dx @param {number} dy @param {boolean} [glides] */
  panBy(dx, dy, glides = true) {
    this.changeZoom(() => this.zoom.pan(dx, dy), glides);
  }

  /** The photo follows the finger, to the sides or down. @param {number} dx @param {number} dy */
  drag(dx, dy) {
    this.stage.classList.remove("gliding");
    const isDown = dy > Math.abs(dx);
    this.sheet.style.translate = isDown ? `0 ${dy}px` : `${dx}px 0`;
  }

  /** @param {number} dx @param {number} dy */
  release(dx, dy) {
    this.stage.classList.add("gliding");
    this.sheet.style.translate = "none";
    if (dy > Math.max(CLOSING_PIXELS, Math.abs(dx))) this.close();
    else if (Math.abs(dx) > Math.max(SWIPED_PIXELS, Math.abs(dy))) this.step(dx < 0 ? 1 : -1);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const above = document.querySelectorAll("dialog:modal").length > 1;
    if (!this.dialog.open || above || event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();
    if (this.tool?.onKey(event)) return event.preventDefault();
    const run = this.keys()[event.key] ?? this.arrow(event.key);
    if (!run) return;
    event.preventDefault();
    run();
  }

  /** @returns {Record<string, () => unknown>} */
  keys() {
    const closer = () => this.zoomBy(STEP);
    return {
      PageUp: () => this.step(-1),
      PageDown: () => this.step(1),
      "+": closer,
      "=": closer,
      "-": () => this.zoomBy(1 / STEP),
      0: () => this.changeZoom(() => this.zoom.reset(), true),
      i: () => this.toggleInfo(),
      I: () => this.toggleInfo(),
      f: () => !this.foundShown.hidden && this.found.toggle(),
      F: () => !this.foundShown.hidden && this.found.toggle(),
      s: () => this.searchInPhoto(),
      S: () => this.searchInPhoto(),
      Delete: () => !this.remove.hidden && this.act("remove"),
    };
  }

  /** To the sides, or over a photo that is closer. @param {string} key */
  arrow(key) {
    const way = ARROWS[key];
    if (!way) return undefined;
    const [dx, dy] = way;
    if (this.zoom.isIn) return () => this.panBy(-dx * PAN_PIXELS, -dy * PAN_PIXELS);
    return dx ? () => this.step(dx) : undefined;
  }
}

/**
 * @param {IconName} name
 * @param {string} label
 * @param {string} key that does the same
 * @param {() => unknown} onclick
 * @param {string} [more] its further classes
 */
function button(name, label, key, onclick, more = "") {
  const title = key ? `${label} (${key})` : label;
  return h("button", { class: `viewer-button ${more}`, title, onclick }, icon(name), h("span", {}, label));
}
