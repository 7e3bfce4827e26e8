// Boxes: the part of a photo, or of a sheet, that something takes. The arithmetic, and the words for where one lies.

import { _ } from "../lib/i18n.js";

/** @typedef {{left: number, top: number, right: number, bottom: number}} Box shares, 0..1, of width and height from the upper left corner */

/** @type {Readonly<Box>} */
export const WHOLE = { left: 0, top: 0, right: 1, bottom: 1 };
const MIDDLE = { left: 0.25, top: 0.25, right: 0.75, bottom: 0.75 };
export const LEAST_SIDE = 0.05;
const DIGITS = 10_000;
const MOST = 0.9; // of a side: a box that takes more of it lies nowhere along it
const [LOW, HIGH] = [0.4, 0.6];

/** @param {Box} box */
export const widthOf = ({ left, right }) => right - left;

/** @param {Box} box */
export const heightOf = ({ top, bottom }) => bottom - top;

/** @param {Box} box */
export const isWhole = (box) => widthOf(box) >= 1 && heightOf(box) >= 1;

/** @param {Box} one @param {Box} other */
export const isSame = (one, other) => toText(one) === toText(other);

/** As addresses and requests have it: `left,top,right,bottom`. @param {Box} box */
export const toText = ({ left, top, right, bottom }) =>
  [left, top, right, bottom].map((share) => Math.round(share * DIGITS) / DIGITS).join();

/** @param {string|null} text from an address; it comes from anywhere @returns {Box|null} */
export function fromText(text) {
  const shares = text?.split(",").map((share) => (share.trim() ? Number(share) : NaN)) ?? [];
  const [left = NaN, top = NaN, right = NaN, bottom = NaN] = shares;
  const isBox = shares.length === 4 && left >= 0 && top >= 0 && right <= 1 && bottom <= 1;
  return isBox && left < right && top < bottom ? { left, top, right, bottom } : null;
}

/** Where in a photo a box lies, in words. @param {Box} box */
export function placeOf({ left, top, right, bottom }) {
  const across = third(left, right);
  const down = third(top, bottom);
  return PLACES[down]?.[across]?.() ?? "";
}

/** @type {(() => string)[][]} by row and column; the last of each is all along it */
const PLACES = [
  [() => _("upper left"), () => _("top"), () => _("upper right"), () => _("top")],
  [() => _("left"), () => _("middle"), () => _("right"), () => _("middle")],
  [() => _("lower left"), () => _("bottom"), () => _("lower right"), () => _("bottom")],
  [() => _("left"), () => _("middle"), () => _("right"), () => _("the whole photo")],
];

/** @param {number} from @param {number} to */
function third(from, to) {
  if (to - from > MOST) return 3;
  const centre = (from + to) / 2;
  return centre < LOW ? 0 : centre > HIGH ? 2 : 1;
}

/**
 * A photo that covers a square tile (`object-fit: cover`): which part of it is seen, so that the boxes are, and where they
 * lie on the tile.
 *
 * @param {Box[]} boxes in the photo, at least one
 * @param {{width: number, height: number}} photo
 * @returns {{x: number, y: number, boxes: Box[]}} `object-position` as shares, and boxes in shares of the tile, which may
 *   reach beyond it
 */
export function onTile(boxes, { width, height }) {
  const shorter = Math.min(width, height);
  const [across, down] = [width / shorter, height / shorter]; // in sides of the tile
  const x = position(Math.min(...boxes.map((box) => box.left)), Math.max(...boxes.map((box) => box.right)), across);
  const y = position(Math.min(...boxes.map((box) => box.top)), Math.max(...boxes.map((box) => box.bottom)), down);
  const [fromLeft, fromTop] = [x * (across - 1), y * (down - 1)];
  const laid = boxes.map(({ left, top, right, bottom }) => ({
    left: left * across - fromLeft,
    top: top * down - fromTop,
    right: right * across - fromLeft,
    bottom: bottom * down - fromTop,
  }));
  return { x, y, boxes: laid };
}

/** The middle of a photo is seen, unless a part of it would not be. @param {number} from @param {number} to @param {number} side of the photo in sides of the tile */
function position(from, to, side) {
  const hidden = side - 1;
  if (hidden <= 0) return 0.5;
  const [least, most] = [(to * side - 1) / hidden, (from * side) / hidden];
  const wanted = least > most ? (((from + to) / 2) * side - 0.5) / hidden : Math.min(most, Math.max(least, 0.5));
  return Math.min(1, Math.max(0, wanted));
}

/** The box between two points, as wide and high as a box must be at least. @param {{x: number, y: number}} from @param {{x: number, y: number}} to @returns {Box} */
export function between(from, to) {
  const [left, right] = span(from.x, to.x);
  const [top, bottom] = span(from.y, to.y);
  return { left, top, right, bottom };
}

/** At least as long as a side must be, on the other side of the first where there is no room. @param {number} from @param {number} to @returns {[number, number]} */
function span(from, to) {
  const first = inside(from);
  let second = inside(to);
  const way = second < first ? -LEAST_SIDE : LEAST_SIDE;
  if (Math.abs(second - first) < LEAST_SIDE) second = inside(first + way) === first + way ? first + way : first - way;
  return [Math.min(first, second), Math.max(first, second)];
}

/** @param {number} share */
const inside = (share) => Math.min(1, Math.max(0, share));

/** It stays as large as it is. One that takes the whole photo has nowhere to go: its middle does. @param {Box} box @param {number} dx @param {number} dy @returns {Box} */
export function moved(box, dx, dy) {
  const from = isWhole(box) ? MIDDLE : box;
  const x = Math.min(1 - from.right, Math.max(-from.left, dx));
  const y = Math.min(1 - from.bottom, Math.max(-from.top, dy));
  return { left: from.left + x, top: from.top + y, right: from.right + x, bottom: from.bottom + y };
}

/** Its right and its lower edge go further. @param {Box} box @param {number} dx @param {number} dy @returns {Box} */
export const grown = ({ left, top, right, bottom }, dx, dy) => ({
  left,
  top,
  right: Math.min(1, Math.max(left + LEAST_SIDE, right + dx)),
  bottom: Math.min(1, Math.max(top + LEAST_SIDE, bottom + dy)),
});
