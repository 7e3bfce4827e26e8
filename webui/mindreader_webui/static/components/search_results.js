// The photos found: best first, one to look at, several to select, and those marked for relevance feedback.

import { byId, columnsOf, h, showError } from "../lib/dom.js";
import { formatCategory, formatNumber } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";
import { alsoIn } from "./also_in.js";
import { awayMark } from "./away.js";
import { RelevanceFeedback } from "./relevance_feedback.js";

/** @import { SearchResult } from "../../../typings/api" */
/** @import { Box } from "./boxes.js" */
/** @import { ResultActions } from "./result_actions.js" */
/** @import { Answer } from "./search_loop.js" */
/** @import { AnyPhoto } from "./viewer.js" */
/** @typedef {SearchResult & {id: number}} Result */

export const FIRST_RESULTS = 40;
const MOST_RESULTS = 1000; // a search gives no more
const AHEAD = 12; // so many photos before the last one further ones are asked for

export class SearchResults {
  /**
   * @param {() => void} search search again, with other feedback
   * @param {(limit: number) => void} more search for more of the same
   * @param {() => void} onopen somebody looks at a photo found
   * @param {(photo: AnyPhoto, box: Box|null) => unknown} similar search for photos like it, or like a part of it
   */
  constructor(search, more, onopen, similar) {
    this.more = more;
    this.onopen = onopen;
    this.similar = similar;
    this.list = byId("results");
    /** @type {Result[]} */
    this.photos = [];
    /** @type {Map<number, HTMLElement>} by index */
    this.tiles = new Map();
    /** @type {Answer|null} */
    this.answer = null;
    this.limit = FIRST_RESULTS;
    this.complete = false;
    this.asked = 0; // how many photos are on their way
    this.watcher = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && this.goOn());
    this.feedback = new RelevanceFeedback(byId("feedback"), search);
    /** @type {ResultActions|undefined} fetched with the first photos */
    this.actions = undefined;
    /** @type {((tile: HTMLElement, photo: Result) => void)|undefined} fetched with the first photo that has a place */
    this.frame = undefined;
  }

  /** Whether photos are being selected. */
  get selects() {
    return Boolean(this.actions?.selection.active);
  }

  get columns() {
    return columnsOf(this.list);
  }

  /** @param {number} index */
  focus(index) {
    this.tiles.get(index)?.querySelector("button")?.focus();
  }

  /** The best of a search, or more of the search that is shown: these follow the ones that are there. @param {Answer} answer @param {number} limit how many were asked for */
  show(answer, limit) {
    const further = limit > FIRST_RESULTS && this.photos.length > 0;
    if (!further) this.#empty();
    this.#append(answer.results);
    if (further) this.actions?.selection.refresh();
    else this.actions?.selection.stop();
    this.limit = limit;
    this.answer = answer;
    this.asked = 0;
    this.complete = answer.results.length < limit || limit >= MOST_RESULTS;
    this.settle();
    if (further) this.actions?.showInViewer();
    this.#fetchActions().catch(showError);
    if (answer.results.some(({ boxes }) => boxes?.length)) this.#fetchFrames().catch(showError);
  }

  async #fetchActions() {
    if (this.actions) return this.actions;
    const { ResultActions } = await import("./result_actions.js");
    this.actions ??= new ResultActions(this);
    this.actions.refresh();
    return this.actions;
  }

  async #fetchFrames() {
    if (this.frame) return;
    const { frameTile, framesStyle } = await import("./found_frames.js");
    await framesStyle();
    if (this.frame) return;
    this.frame = frameTile;
    for (const [index, tile] of this.tiles) this.frame(tile, /** @type {Result} */ (this.photos[index]));
  }

  /** Nothing is searched with any more: neither photos nor feedback stay. */
  clear() {
    this.#empty();
    this.feedback.clear();
    this.actions?.selection.stop();
  }

  #empty() {
    this.watcher.disconnect();
    this.photos = [];
    this.tiles.clear();
    this.list.replaceChildren();
    this.list.scrollLeft = byId("found").scrollTop = 0;
    byId("end").hidden = true;
  }

  /** @param {SearchResult[]} results */
  #append(results) {
    const shown = new Set(this.photos.map(({ id }) => id));
    for (const result of results) {
      if (shown.has(result.photo_id)) continue;
      const index = this.photos.push({ ...result, id: result.photo_id }) - 1;
      const tile = this.tile({ ...result, id: result.photo_id }, index);
      this.tiles.set(index, tile);
      this.list.append(tile);
    }
  }

  /** The tiles are others now: draw the line among them, and watch the last ones. */
  settle() {
    this.#drawLine();
    this.#end();
  }

  /** Where guesswork begins; nothing like the sketch may be here at all. */
  #drawLine() {
    this.list.querySelector(".guesswork")?.remove();
    if (!this.answer) return;
    const { score_threshold: threshold, answerable } = this.answer;
    const firstGuess = threshold === null ? -1 : this.photos.findIndex((photo) => photo.score < threshold);
    if (answerable === false && this.photos.length)
      this.list.prepend(line(_("Maybe nothing like this is here. The nearest:")));
    else if (firstGuess > 0) this.tiles.get(firstGuess)?.before(line(_("From here on it is guesswork")));
  }

  /** Further photos are asked for as one scrolls, until there are none. */
  #end() {
    const { complete } = this;
    const { length } = this.photos;
    this.watcher.disconnect();
    const watched = this.tiles.get(Math.max(0, length - AHEAD));
    if (!complete && watched) this.watcher.observe(watched);
    const end = byId("end");
    end.hidden = !complete || length < FIRST_RESULTS;
    end.textContent =
      length < MOST_RESULTS
        ? ngettext("That was the only photo.", "Those were all {n} photos.", length)
        : ngettext("That was the nearest photo.", "Those were the nearest {n} photos.", length);
  }

  /** Ask for further photos, once. */
  goOn() {
    const wanted = Math.min(MOST_RESULTS, 2 * this.limit);
    if (this.complete || this.asked === wanted) return;
    this.watcher.disconnect();
    this.asked = wanted;
    this.more(wanted);
  }

  /** @param {Result} photo @param {number} index */
  tile(photo, index) {
    const tile = card(photo, index, (event) => {
      if (this.actions?.selection.click(index, event)) return;
      this.onopen();
      this.#fetchActions()
        .then((actions) => actions.open(index))
        .catch(showError);
    });
    tile.append(...alsoIn(photo));
    this.frame?.(tile, photo);
    return tile;
  }
}

/** @param {string} words */
const line = (words) => h("li", { class: "guesswork" }, words);

/** The photo, how like the sketch it is as a thin bar, and its category. @param {Result} photo @param {number} index @param {(event: MouseEvent) => void} onclick */
function card(photo, index, onclick) {
  const { thumbnail_url: src, filename, category, score } = photo;
  const similarity = _("similarity {score}", { score: formatNumber(score, 2) });
  const bar = h("span", { class: "score", title: similarity });
  bar.style.setProperty("--score", String(score));
  const button = h(
    "button",
    { title: filename },
    h("img", { src, alt: "", loading: "lazy", decoding: "async", width: 256, height: 256 }),
    bar,
    ...awayMark(photo),
    category
      ? h("span", { class: "caption" }, formatCategory(category))
      : h("span", { class: "visually-hidden" }, filename),
    h("small", { class: "visually-hidden" }, similarity),
  );
  button.addEventListener("click", onclick);
  return h("li", { "data-index": index }, button);
}
