// Relevance feedback: photos that the next search shall find more like, or less like.

import { h } from "../lib/dom.js";
import { formatCategory } from "../lib/format.js";
import { _ } from "../lib/i18n.js";

/** @import { SearchResult } from "../../../typings/api" */
/** @typedef {"like"|"unlike"} Kind */
/** @typedef {{kind: Kind, photo: SearchResult}} Feedback */

const MOST = 20;
const MOST_FRAMES = 5;

export class RelevanceFeedback {
  /** @param {HTMLElement} list @param {() => void} onchange */
  constructor(list, onchange) {
    this.list = list;
    this.onchange = onchange;
    /** @type {Map<number, Feedback>} by id of the photo, oldest first */
    this.given = new Map();
  }

  /** @param {SearchResult[]} photos @param {Kind} kind */
  give(photos, kind) {
    for (const photo of photos) this.given.set(photo.photo_id, { kind, photo });
    // The ones given last count.
    for (const id of [...this.given.keys()].slice(0, -MOST)) this.given.delete(id);
    this.changed();
  }

  /** @param {FormData} form of a search */
  appendTo(form) {
    // Where something was found in one part of a photo, more like that part is meant.
    const inOnePart = [...this.given.values()].filter(
      ({ kind, photo }) => kind === "like" && photo.boxes?.length === 1,
    );
    const framed = new Set(inOnePart.slice(-MOST_FRAMES));
    for (const given of this.given.values()) {
      const { kind, photo } = given;
      if (framed.has(given)) form.append("frame", frameOf(photo));
      else form.append(kind, String(photo.photo_id));
    }
  }

  /** None any more, without a search. */
  clear() {
    this.given.clear();
    this.refresh();
  }

  changed() {
    this.refresh();
    this.onchange();
  }

  refresh() {
    this.list.hidden = this.given.size === 0;
    this.list.replaceChildren(...[...this.given.values()].map(({ kind, photo }) => this.chip(kind, photo)));
  }

  /** @param {Kind} kind @param {SearchResult} photo */
  chip(kind, photo) {
    const name = photo.category ? formatCategory(photo.category) : photo.filename;
    const label = _("Search without {name}", { name: photo.filename });
    const remove = () => {
      this.given.delete(photo.photo_id);
      this.changed();
    };
    return h(
      "li",
      { class: "feedback" },
      h("img", { src: photo.thumbnail_url, alt: "", width: 32, height: 32 }),
      h("span", {}, kind === "like" ? _("more like {name}", { name }) : _("less like {name}", { name })),
      " ",
      h("button", { class: "quiet small", "aria-label": label, onclick: remove }, "×"),
    );
  }
}

/** The part of a photo that is meant. @param {SearchResult} photo */
const frameOf = ({ photo_id: id, boxes: [box] = [] }) =>
  `${id}:${[box?.left, box?.top, box?.right, box?.bottom].map((share) => share?.toFixed(4)).join()}`;
