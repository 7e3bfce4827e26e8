// "More like this": a photo, or a part of one, searches in place of a sketch. Its address is one to keep and to pass on.

import { get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";
import { fromText, heightOf, isWhole, toText, widthOf } from "./boxes.js";
import { framesStyle } from "./found_frames.js";
import { idOf } from "./viewer.js";

/** @import { Box } from "./boxes.js" */
/** @import { SearchFilters } from "./search_filters.js" */
/** @import { Answer, Asked } from "./search_loop.js" */
/** @import { AnyPhoto } from "./viewer.js" */

const CROP_REMS = 2.25; // how high the crop of a chip is, as in frames.css
const WIDEST = 2;

/** The page Draw with photos like this one. @param {AnyPhoto} photo @param {Box|null} box the part of it that counts; null for all of it */
export function similarAddress(photo, box) {
  const part = box && !isWhole(box) ? `&box=${toText(box)}` : "";
  return `/?similar=${idOf(photo)}${part}`;
}

/** Go there from another page. @param {AnyPhoto} photo @param {Box|null} box */
export const openSimilar = (photo, box) => location.assign(similarAddress(photo, box));

/** Where in it something was found, if that is one part. @param {AnyPhoto} photo */
export function foundIn(photo) {
  const boxes = ("boxes" in photo && photo.boxes) || [];
  const [only] = boxes;
  return only && boxes.length === 1 && !isWhole(only) ? only : null;
}

/** What an address searches with, if it names a photo. @param {string} address the query part of it */
export async function similarAt(address) {
  const params = new URLSearchParams(address);
  const id = Number(params.get("similar"));
  if (!Number.isSafeInteger(id) || id < 1) throw new Error(_("This address names no photo."));
  const photo = await get("/photos/{photo_id}", { path: { photo_id: id } });
  const box = fromText(params.get("box"));
  return new Similar(photo, box && !isWhole(box) ? box : null, address);
}

export class Similar {
  /** @param {AnyPhoto} photo @param {Box|null} box @param {string} address that names them */
  constructor(photo, box, address) {
    this.photo = photo;
    this.box = box;
    this.address = address;
  }

  /** @param {Asked} asked @param {SearchFilters} filters @returns {Promise<Answer>} */
  async ask({ limit }, filters) {
    const path = { photo_id: idOf(this.photo) };
    const { results, score_threshold } = await get("/photos/{photo_id}/similar", {
      path,
      query: { ...this.box, limit, ...filters.query },
    });
    return { results, score_threshold, answerable: null, readings: [], parts: [], similarTo: this.photo };
  }

  /** What searches, to be seen and taken away. @param {() => unknown} onremove */
  async chip(onremove) {
    await framesStyle();
    const name = this.photo.filename;
    const words = this.box ? _("like this part of {name}", { name }) : _("like {name}", { name });
    const label = _("Back to the sketch");
    const remove = h("button", { class: "quiet small", "aria-label": label, title: label, onclick: onremove }, "×");
    return h("li", { class: "similar-to" }, crop(this.photo, this.box), h("span", {}, words), remove);
  }
}

/** A part of a photo, small. @param {AnyPhoto} photo @param {Box|null} box */
function crop({ thumbnail_url: url, width, height }, box) {
  const shown = box ?? { left: 0, top: 0, right: 1, bottom: 1 };
  const picture = h("span", { class: "similar-crop", "aria-hidden": "true" });
  const [across, down] = [widthOf(shown), heightOf(shown)];
  const { style } = picture;
  style.inlineSize = `${CROP_REMS * Math.min(WIDEST, (across * width) / (down * height))}rem`;
  style.backgroundImage = `url(${url})`;
  style.backgroundSize = `${100 / across}% ${100 / down}%`;
  style.backgroundPosition = `${offset(shown.left, across)}% ${offset(shown.top, down)}%`;
  return picture;
}

/** Of a background, so that it begins there. @param {number} from @param {number} share of the side that is shown */
const offset = (from, share) => (share < 1 ? (from / (1 - share)) * 100 : 0);
