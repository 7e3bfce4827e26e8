// The photos found: best first, one to look at, several to select, and those marked for relevance feedback.

import { byId, columnsOf, h, setDisabled } from "../lib/dom.js";
import { formatNumber } from "../lib/format.js";
import { _ } from "../lib/i18n.js";
import { alsoIn } from "./also_in.js";
import { download } from "./bulk_actions.js";
import { RelevanceFeedback } from "./relevance_feedback.js";
import { Selection, selectedCount } from "./selection.js";
import { closeViewer, openViewer, photoTile } from "./viewer.js";

/** @import { SearchAnswer, SearchResult } from "../../../typings/api" */
/** @typedef {SearchResult & {id: number}} Result */

/** @type {Record<string, number>} */
const VIEWER_STEPS = { ArrowRight: 1, ArrowLeft: -1 };

export class SearchResults {
  /** @param {() => void} search search again, with other feedback */
  constructor(search) {
    this.list = byId("results");
    /** @type {Result[]} */
    this.photos = [];
    /** @type {Map<number, HTMLElement>} by index */
    this.tiles = new Map();
    this.viewed = -1; // index of the photo in the viewer
    this.feedback = new RelevanceFeedback(byId("feedback"), search);
    this.selection = new Selection(this, () => this.refreshToolbar());
    byId("viewer").addEventListener("keydown", (event) => this.onViewerKey(event));
    byId("select").onclick = () => this.selection.start();
    byId("all").onclick = () => this.selection.selectAll();
    byId("done").onclick = () => this.selection.stop();
    byId("download").onclick = () => download([...this.selection.ids]);
    byId("more-like").onclick = () => this.moreLikeSelected();
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
    const values = { score: formatNumber(photo.score, 2), collection: photo.collection };
    const tile = photoTile(photo, _("similarity {score} · {collection}", values), index, (event) => {
      if (!this.selection.click(index, event)) this.open(index);
    });
    tile.append(...alsoIn(photo));
    return tile;
  }

  /** Look at a photo; from there give feedback, or go on to the next one. @param {number} index */
  open(index) {
    const photo = this.photos[index];
    if (!photo) return;
    this.viewed = index;
    const give = (/** @type {"like"|"unlike"} */ kind) => {
      closeViewer();
      this.feedback.give([photo], kind);
    };
    openViewer(
      photo,
      h("button", { onclick: () => give("like") }, _("More like this")),
      h("button", { onclick: () => give("unlike") }, _("Less like this")),
    );
  }

  /** @param {KeyboardEvent} event */
  onViewerKey(event) {
    const next = this.viewed + (VIEWER_STEPS[event.key] ?? 0);
    if (next === this.viewed || !this.photos[next]) return;
    closeViewer();
    this.open(next);
  }

  moreLikeSelected() {
    const photos = this.photos.filter((photo) => this.selection.ids.has(photo.id));
    this.selection.stop();
    this.feedback.give(photos, "like");
  }

  refreshToolbar() {
    const { active, ids } = this.selection;
    byId("select").hidden = active || !this.photos.length;
    byId("chosen").hidden = !active;
    byId("chosen-count").textContent = selectedCount(ids.size);
    setDisabled(!ids.size, "more-like", "download");
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
