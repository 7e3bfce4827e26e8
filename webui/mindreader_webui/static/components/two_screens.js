// On a phone the page is two screens: one to draw, one for what was found. The way back is the browser's own, a button or a swipe.

import { byId } from "../lib/dom.js";

/** @typedef {"draw"|"results"} Screen */

const SWIPE = 72;
const EDGE = 24; // a swipe that begins here is the browser's

export class TwoScreens {
  /** @param {MediaQueryList} narrow whether there is room for only one of them */
  constructor(narrow) {
    this.narrow = narrow;
    this.page = byId("draw");
    this.back = byId("back");
    /** @type {[x: number, y: number]|null} where a finger went down */
    this.start = null;
    this.back.onclick = () => history.back();
    addEventListener("popstate", () => this.#show(screenOf(history.state)));
    const found = byId("found");
    found.addEventListener("pointerdown", ({ pointerType, clientX, clientY }) => {
      this.start = pointerType === "touch" && clientX > EDGE ? [clientX, clientY] : null;
    });
    found.addEventListener("pointercancel", () => (this.start = null));
    found.addEventListener("pointerup", (event) => this.#swiped(event));
  }

  /** After a reload the screen is the one it was. @param {boolean} searched whether there will be results */
  restore(searched) {
    if (searched) this.#show(screenOf(history.state));
    else history.replaceState(null, "");
  }

  showResults() {
    if (!this.narrow.matches || this.page.dataset.screen === "results") return;
    history.pushState({ screen: "results" }, "");
    this.#show("results");
    this.back.focus({ preventScroll: true });
  }

  /** @param {Screen} screen */
  #show(screen) {
    this.page.dataset.screen = screen;
    scrollTo({ top: 0, behavior: "instant" });
  }

  /** To the right, as one turns back a page. @param {PointerEvent} event */
  #swiped({ clientX, clientY }) {
    const [x, y] = this.start ?? [clientX, clientY];
    this.start = null;
    const far = clientX - x > SWIPE && Math.abs(clientY - y) < (clientX - x) / 2;
    if (far && this.narrow.matches && this.page.dataset.screen === "results") history.back();
  }
}

/** @param {{screen?: Screen}|null} state @returns {Screen} */
const screenOf = (state) => state?.screen ?? "draw";
