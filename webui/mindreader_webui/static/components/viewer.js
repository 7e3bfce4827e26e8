// A photo as a tile of a grid, and the way to see it large: the viewer itself is fetched when it is first needed.

import { h, loadStyle, showError } from "../lib/dom.js";
import { formatCategory } from "../lib/format.js";
import { awayMark } from "./away.js";

/** @import { Photo, SearchResult } from "../../../typings/api" */
/** @import { Box } from "./boxes.js" */
/** @import { Act } from "./photo_toolbar.js" */
/** @typedef {Photo|SearchResult} AnyPhoto */
/** @typedef {{icon: import("../viewer/icons.js").IconName, label: string, run: () => unknown}} ViewerButton */

/**
 * The photos one can go through in the viewer, in their order.
 *
 * @typedef {object} PhotoSource
 * @property {(index: number) => AnyPhoto|undefined} at
 * @property {(id: number) => number} indexOf -1 where it is not, or not loaded yet
 * @property {() => number|null} total how many there are, where that is known
 * @property {(index: number) => Promise<unknown>} reach load the photo at this place, if there is one
 * @property {(index: number) => void} focus give the photo's tile the focus
 * @property {(photo: AnyPhoto) => ViewerButton[]} buttons what can be done with it only here
 * @property {(photo: AnyPhoto) => string[]} why it is shown
 * @property {((photo: AnyPhoto, box: Box|null) => unknown)|null} similar search for photos like it, or like what lies in a
 *   part of it; null where nobody searches
 * @property {Act|null} act label, move, delete …; null where nothing can be changed
 */

/** @type {Promise<import("../viewer/dialog.js").Viewer>|undefined} */
let viewer;

// The page was loaded anew, without the viewer that had this entry.
if (history.state?.dialog && !document.querySelector("dialog:modal")) history.back();

/** @param {AnyPhoto} photo */
export const idOf = (photo) => ("id" in photo ? photo.id : photo.photo_id);

/** One that is still being prepared has nothing yet to be compared by. @param {AnyPhoto} photo */
export const canBeSearchedWith = (photo) => !("state" in photo) || photo.state === "indexed";

/**
 * Photos that are all known.
 *
 * @param {() => AnyPhoto[]} photos
 * @param {Partial<PhotoSource>} [more] what differs
 * @returns {PhotoSource}
 */
export const sourceOf = (photos, more = {}) => ({
  at: (index) => photos()[index],
  indexOf: (id) => photos().findIndex((photo) => idOf(photo) === id),
  total: () => photos().length,
  reach: async () => {},
  focus: () => {},
  buttons: () => [],
  why: () => [],
  similar: null,
  act: null,
  ...more,
});

/** @param {PhotoSource} source @param {number} index of the photo to begin with */
export async function openViewer(source, index) {
  viewer ??= load();
  viewer.catch(() => (viewer = undefined)); // without a connection; the next click asks again
  try {
    (await viewer).open(source, index);
  } catch (error) {
    showError(error);
  }
}

/** Its photos changed: show what is known now, or the next photo where this one is gone. @param {number} [id] of the photo to show */
export const refreshViewer = async (id) => (await viewer)?.refresh(id);

export const closeViewer = async () => (await viewer)?.close();

async function load() {
  const style = loadStyle(new URL("../viewer.css", import.meta.url));
  const [{ Viewer }, { framesStyle }] = await Promise.all([
    import("../viewer/dialog.js"),
    import("./found_frames.js"),
    style,
  ]);
  await framesStyle();
  return new Viewer();
}

/**
 * @param {AnyPhoto} photo
 * @param {string} note below its name
 * @param {number} [index] in its grid
 * @param {(event: MouseEvent) => unknown} [onclick]
 */
export function photoTile(
  photo,
  note,
  index,
  onclick = () =>
    openViewer(
      sourceOf(() => [photo]),
      0,
    ),
) {
  const attributes = { alt: "", loading: "lazy", decoding: "async", width: 256, height: 256 };
  const image = h("img", { src: photo.thumbnail_url, ...attributes });
  const name = h("span", {}, photo.category ? formatCategory(photo.category) : photo.filename);
  const button = h(
    "button",
    { title: photo.filename },
    image,
    ...awayMark(photo),
    h("span", { class: "caption" }, name, h("small", {}, note)),
  );
  button.addEventListener("click", onclick);
  return h("li", { "data-index": index }, button);
}
