// Frames around what was found in a photo: on its tile, and on whatever else shows all of it.

import { h, loadStyle } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";
import { heightOf, isSame, isWhole, onTile, placeOf, widthOf } from "./boxes.js";

/** @import { Box } from "./boxes.js" */
/** @typedef {{boxes?: Box[], width: number, height: number}} Found one box for each thing drawn; none where the photo answers as a whole */
/** @typedef {{box: Box, numbers: number[]}} Frame around one place, for the things with these numbers */

/** @type {Promise<unknown>|undefined} */
let style;

/** Once it applies, frames can be shown. */
export function framesStyle() {
  style ??= loadStyle(new URL("../frames.css", import.meta.url));
  style.catch(() => (style = undefined)); // without a connection; whoever comes next asks again
  return style;
}

/** One frame for each place; what takes the whole photo has none. @param {Box[]} boxes @returns {Frame[]} */
function framesOf(boxes) {
  /** @type {Frame[]} */
  const frames = [];
  for (const [i, box] of boxes.entries()) {
    const same = frames.find((frame) => isSame(frame.box, box));
    if (same) same.numbers.push(i + 1);
    else if (!isWhole(box)) frames.push({ box, numbers: [i + 1] });
  }
  return frames;
}

/**
 * A layer that lies over a picture; several things are told apart by number and colour.
 *
 * @param {Box[]} boxes in the picture
 * @param {Box[]} [laid] the same ones where the layer shows only a part of the picture
 */
export function framesOver(boxes, laid = boxes) {
  const frames = framesOf(boxes).map(({ box, numbers }) => {
    const place = laid[(numbers[0] ?? 1) - 1] ?? box;
    const shown = boxes.length > 1 ? [h("span", { class: "frame-number" }, numbers.join(" "))] : [];
    const frame = h("span", { class: "frame", "data-number": boxes.length > 1 && numbers[0] }, ...shown);
    frame.style.left = percent(place.left);
    frame.style.top = percent(place.top);
    frame.style.width = percent(widthOf(place));
    frame.style.height = percent(heightOf(place));
    return frame;
  });
  return h("span", { class: "frames", "aria-hidden": "true" }, ...frames);
}

/** @param {number} share */
const percent = (share) => `${share * 100}%`;

/** Where it was found, for whoever does not see it: nothing where that is nowhere in particular. @param {Box[]} boxes */
export function foundSentence(boxes) {
  const [first] = boxes;
  if (!first || boxes.every(isWhole)) return "";
  if (boxes.length === 1) return _("Found here: {place}.", { place: placeOf(first) });
  return boxes.map((box, i) => _("Number {n} found here: {place}.", { n: i + 1, place: placeOf(box) })).join(" ");
}

/** Frame on a tile what was found in its photo, and show the part of the photo that has it. @param {HTMLElement} tile @param {Found} photo */
export function frameTile(tile, photo) {
  const { boxes = [] } = photo;
  const button = tile.querySelector("button");
  const image = tile.querySelector("img");
  if (!framesOf(boxes).length || !button || !image) return;
  const { x, y, boxes: laid } = onTile(boxes, photo);
  image.style.objectPosition = `${percent(x)} ${percent(y)}`;
  image.after(framesOver(boxes, laid));
  button.append(h("small", { class: "visually-hidden" }, foundSentence(boxes)));
}
