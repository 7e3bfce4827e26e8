// When a sketch is searched with: soon after each stroke, one search at a time, and nothing shown that a stroke is about to change.

/** @import { SearchAnswer } from "../../../typings/api" */
/** @import { AnyPhoto } from "./viewer.js" */
/**
 * What was found: by a sketch all of a search's answer, by a photo (`similarTo`) its results.
 *
 * @typedef {Pick<SearchAnswer, "results"|"readings"|"parts"|"answerable"|"score_threshold"> &
 *   ({similarTo: AnyPhoto}|SearchAnswer & {similarTo?: undefined})} Answer
 */
/** @typedef {{limit: number, live: boolean}} Asked how many photos; whether only as one draws */
/**
 * @typedef {object} Searching
 * @property {() => boolean} ready there is something to search with
 * @property {() => boolean} drawing a stroke is half drawn
 * @property {(asked: Asked) => Promise<Answer>} ask
 * @property {(answer: Answer, asked: Asked) => void} show
 * @property {(error: unknown) => void} onerror
 * @property {(busy: boolean) => void} onbusy
 */

const WAIT_MS = 250;

export class SearchLoop {
  /** @param {Searching} searching */
  constructor(searching) {
    this.searching = searching;
    /** @type {Asked|null} what is searched once the search that runs is answered, in its newest form */
    this.next = null;
    /** @type {(() => void)|null} shows an answer that came while a stroke was half drawn */
    this.held = null;
    this.running = false;
    this.generation = 0;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.timer = undefined;
  }

  /** The first search of a sketch at once, further ones when the hand rests. @param {Asked} asked @param {boolean} first */
  soon(asked, first) {
    this.held = null; // it answers a sketch that is no more
    this.#unwait();
    if (first) this.now(asked);
    else this.timer = setTimeout(() => this.now(asked), WAIT_MS);
  }

  /** @param {Asked} asked */
  now(asked) {
    this.#unwait();
    if (!this.searching.ready()) return;
    this.held = null;
    this.next = asked;
    if (!this.running) this.#run();
  }

  /** Nothing is drawn any more: whatever is on its way is not shown. */
  stop() {
    this.#unwait();
    this.next = this.held = null;
    this.generation += 1;
  }

  /** A stroke ended without a change, or without a search: what was held back is shown. */
  release() {
    this.held?.();
    this.held = null;
  }

  #unwait() {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  async #run() {
    this.running = true;
    this.searching.onbusy(true);
    while (this.next && this.searching.ready()) {
      const asked = this.next;
      this.next = null;
      await this.#search(asked);
    }
    this.running = false;
    this.searching.onbusy(false);
  }

  /** @param {Asked} asked */
  async #search(asked) {
    const { generation } = this;
    try {
      const answer = await this.searching.ask(asked);
      if (this.next || this.timer || generation !== this.generation) return; // another one follows, or none shall
      const show = () => this.searching.show(answer, asked);
      if (this.searching.drawing()) this.held = show;
      else show();
    } catch (error) {
      this.searching.onerror(error);
    }
  }
}
