// The photos found: best first, one to look at, several to select, and those marked for relevance feedback.

import { byId, columnsOf, h } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";
import { alsoIn } from "./also_in.js";
import { RelevanceFeedback } from "./relevance_feedback.js";
import { ResultActions } from "./result_actions.js";
import { Selection } from "./selection.js";
import { photoTile } from "./viewer.js";

/** @import { SearchAnswer, SearchResult } from "../../../typings/api" */
/** @typedef {SearchResult & {id: number}} Result */

export class SearchResults {
  /** @param {() => void} search search again, with other feedback */
  constructor(search) {
    this.list = byId("results");
    /** @type {Result[]} */
    this.photos = [];
    /** @type {Map<number, HTMLElement>} by index */
    this.tiles = new Map();
    /** @type {number|null} similarity below which it is guesswork */
    this.threshold = null;
    this.feedback = new RelevanceFeedback(byId("feedback"), search);
    this.selection = new Selection(this, () => this.actions.refresh());
    this.actions = new ResultActions(this);
  }

  get columns() {
    return columnsOf(this.list);
  }

  /** @param {number} index */
  focus(index) {
    this.tiles.get(index)?.querySelector("button")?.focus();
  }

  /** @param {SearchAnswer} answer */
  show({ results, score_threshold: threshold }) {
    this.threshold = threshold;
    this.photos = results.map((result) => ({ ...result, id: result.photo_id }));
    this.tiles = new Map(this.photos.map((photo, index) => [index, this.tile(photo, index)]));
    /** @type {HTMLElement[]} */
    const items = [...this.tiles.values()];
    const firstGuess = threshold === null ? -1 : this.photos.findIndex((photo) => photo.score < threshold);
    if (firstGuess >= 0) items.splice(firstGuess, 0, guesswork(firstGuess));
    this.list.replaceChildren(...items);
    this.selection.stop();
  }

  /** @param {Result} photo @param {number} index */
  tile(photo, index) {
    const values = { score: photo.score.toFixed(2), collection: photo.collection };
    const tile = photoTile(photo, _("similarity {score} · {collection}", values), index, (event) => {
      if (!this.selection.click(index, event)) this.actions.open(index);
    });
    tile.append(...alsoIn(photo));
    return tile;
  }
}

/** What stands before the results that may be like the sketch by chance. @param {number} position */
function guesswork(position) {
  const words =
    position === 0
      ? _("Nothing here is clearly like it. The nearest, as guesswork:")
      : _("From here on it is guesswork");
  return h("li", { class: "guesswork" }, words);
}
