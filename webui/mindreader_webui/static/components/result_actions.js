// What can be done with photos found: look at them one after the other, and change, keep or remove several.

import { byId, setDisabled } from "../lib/dom.js";
import { formatCategory, formatNumber } from "../lib/format.js";
import { _ } from "../lib/i18n.js";
import { foundSentence } from "./found_frames.js";
import { PhotoToolbar, photoActions } from "./photo_toolbar.js";
import { Selection } from "./selection.js";
import { foundIn } from "./similar.js";
import { closeViewer, idOf, openViewer, refreshViewer, sourceOf } from "./viewer.js";

/** @import { Box } from "./boxes.js" */
/** @import { Answer } from "./search_loop.js" */
/** @import { SearchResults, Result } from "./search_results.js" */
/** @import { AnyPhoto } from "./viewer.js" */

export class ResultActions {
  /** @param {SearchResults} results */
  constructor(results) {
    this.results = results;
    this.selection = new Selection(results, () => this.refresh());
    const act = photoActions({
      onchange: () => this.arrange(results.photos),
      ondone: (photos) => this.selection.drop(photos.map(idOf)),
      onmove: () => this.arrange(results.photos),
      onremove: (photos) => this.arrange(without(results.photos, photos)),
      onreturn: (photos) => this.arrange(withBack(results.photos, photos), photos[0]),
    });
    this.toolbar = new PhotoToolbar(this.selection, () => results.photos, act);
    this.source = sourceOf(() => results.photos, {
      reach: async (index) => {
        if (index >= results.photos.length) results.goOn(); // they are there a moment later
      },
      focus: (index) => results.focus(index),
      buttons: (photo) => this.buttons(/** @type {Result} */ (photo)),
      why: (photo) => this.why(/** @type {Result} */ (photo)),
      similar: (photo, box) => this.similar(photo, box),
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
    const { size } = this.selection.chosen;
    setDisabled(this.isByPhoto ? size !== 1 : size === 0, "more-like");
  }

  /** Whether they are like a photo, and not like a sketch that feedback could lead. */
  get isByPhoto() {
    return Boolean(this.results.answer?.similarTo);
  }

  moreLikeChosen() {
    const chosen = /** @type {Result[]} */ (this.toolbar.chosen());
    this.selection.stop();
    const [first] = chosen;
    if (!this.isByPhoto) this.results.feedback.give(chosen, "like");
    else if (first) this.similar(first, foundIn(first));
  }

  /** @param {AnyPhoto} photo @param {Box|null} box */
  async similar(photo, box) {
    await closeViewer();
    this.results.similar(photo, box);
  }

  /** @param {Result} photo */
  buttons(photo) {
    const give = (/** @type {"like"|"unlike"} */ kind) => () => {
      closeViewer();
      this.results.feedback.give([photo], kind);
    };
    const more = { icon: /** @type {const} */ ("more"), label: _("More like this") };
    if (this.isByPhoto) return [{ ...more, run: () => this.similar(photo, foundIn(photo)) }];
    return [
      { ...more, run: give("like") },
      { icon: /** @type {const} */ ("less"), label: _("Less like this"), run: give("unlike") },
    ];
  }

  /** @param {Result} photo */
  why(photo) {
    const found = foundSentence(photo.boxes ?? []);
    return [...this.#reasons(photo), ...(found ? [found] : [])];
  }

  /** @param {Result} photo */
  #reasons({ id, score }) {
    const { photos, answer } = this.results;
    if (!answer) return [];
    const { readings } = answer;
    const likeness = likenessOf(score, answer);
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
    this.selection.prune();
    refreshViewer(back && idOf(back));
  }
}

/** @param {number} score @param {Answer} answer */
function likenessOf(score, { score_threshold: threshold, similarTo }) {
  const values = { score: formatNumber(score, 2) };
  if (similarTo) return _("Its similarity to {name} is {score}.", { ...values, name: similarTo.filename });
  if (threshold === null) return _("Its similarity to the sketch is {score}.", values);
  return score < threshold
    ? _("Its similarity to the sketch is {score}: any photo may have that by chance.", values)
    : _("Its similarity to the sketch is {score}, more than chance gives.", values);
}

/** @param {Result[]} photos @param {AnyPhoto[]} gone */
function without(photos, gone) {
  const ids = new Set(gone.map(idOf));
  return photos.filter(({ id }) => !ids.has(id));
}

/** The best first, as they were. @param {Result[]} photos @param {AnyPhoto[]} back */
const withBack = (photos, back) =>
  [...without(photos, back), .../** @type {Result[]} */ (back)].sort((one, other) => other.score - one.score);
