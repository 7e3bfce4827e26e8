// What can be done with photos found: look at them one after the other, and change, keep or remove several.

import { byId, setDisabled } from "../lib/dom.js";
import { formatCategory, formatNumber } from "../lib/format.js";
import { _ } from "../lib/i18n.js";
import { PhotoToolbar, photoActions } from "./photo_toolbar.js";
import { closeViewer, idOf, openViewer, refreshViewer, sourceOf } from "./viewer.js";

/** @import { SearchResults, Result } from "./search_results.js" */
/** @import { AnyPhoto } from "./viewer.js" */

export class ResultActions {
  /** @param {SearchResults} results */
  constructor(results) {
    this.results = results;
    const act = photoActions({
      onchange: () => this.arrange(results.photos),
      onmove: () => this.arrange(results.photos),
      onremove: (photos) => this.arrange(without(results.photos, photos)),
      onreturn: (photos) => this.arrange(withBack(results.photos, photos), photos[0]),
    });
    this.toolbar = new PhotoToolbar(results.selection, () => results.photos, act);
    this.source = sourceOf(() => results.photos, {
      reach: async (index) => {
        if (index >= results.photos.length) results.goOn(); // they are there a moment later
      },
      focus: (index) => results.focus(index),
      buttons: (photo) => this.buttons(/** @type {Result} */ (photo)),
      why: (photo) => this.why(/** @type {Result} */ (photo)),
      act,
    });
    byId("more-like").onclick = () => this.moreLikeChosen();
  }

  /** @param {number} index */
  open(index) {
    openViewer(this.source, index);
  }

  /** Further photos came while one is looked at. */
  showInViewer() {
    refreshViewer();
  }

  refresh() {
    this.toolbar.refresh();
    setDisabled(!this.results.selection.chosen.size, "more-like");
  }

  moreLikeChosen() {
    const chosen = /** @type {Result[]} */ (this.toolbar.chosen());
    this.results.selection.stop();
    this.results.feedback.give(chosen, "like");
  }

  /** @param {Result} photo */
  buttons(photo) {
    const give = (/** @type {"like"|"unlike"} */ kind) => () => {
      closeViewer();
      this.results.feedback.give([photo], kind);
    };
    return [
      { icon: /** @type {const} */ ("more"), label: _("More like this"), run: give("like") },
      { icon: /** @type {const} */ ("less"), label: _("Less like this"), run: give("unlike") },
    ];
  }

  /** @param {Result} photo */
  why({ id, score }) {
    const { photos, answer } = this.results;
    if (!answer) return [];
    const { score_threshold: threshold, readings } = answer;
    const values = { score: formatNumber(score, 2) };
    const likeness =
      threshold === null
        ? _("Its similarity to the sketch is {score}.", values)
        : score < threshold
          ? _("Its similarity to the sketch is {score}: any photo may have that by chance.", values)
          : _("Its similarity to the sketch is {score}, more than chance gives.", values);
    const place = _("Place {n} of the {total} photos shown.", {
      n: photos.findIndex((photo) => photo.id === id) + 1,
      total: photos.length,
    });
    const picked = readings.find((reading) => reading.picked);
    if (!picked) return [likeness, place];
    const read = picked.name
      ? _("The sketch was read as “{name}”.", { name: formatCategory(picked.name) })
      : _("The sketch was read as the imaginary image you chose.");
    return [read, likeness, place];
  }

  /** Show these photos from now on, every tile anew. @param {Result[]} photos @param {AnyPhoto} [back] one that came back */
  arrange(photos, back) {
    const { results } = this;
    const before = new Map(results.photos.map((photo, index) => [photo, results.tiles.get(index)]));
    results.photos = photos;
    results.tiles = new Map();
    /** @type {HTMLElement|undefined} */
    let previous;
    for (const [index, photo] of photos.entries()) {
      const tile = results.tile(photo, index);
      const old = before.get(photo);
      before.delete(photo);
      if (old) old.replaceWith(tile);
      else if (previous) previous.after(tile);
      else results.list.prepend(tile);
      results.tiles.set(index, tile);
      previous = tile;
    }
    for (const gone of before.values()) gone?.remove();
    results.settle();
    results.selection.prune();
    refreshViewer(back && idOf(back));
  }
}

/** @param {Result[]} photos @param {AnyPhoto[]} gone */
function without(photos, gone) {
  const ids = new Set(gone.map(idOf));
  return photos.filter(({ id }) => !ids.has(id));
}

/** The best first, as they were. @param {Result[]} photos @param {AnyPhoto[]} back */
const withBack = (photos, back) =>
  [...without(photos, back), .../** @type {Result[]} */ (back)].sort((one, other) => other.score - one.score);
