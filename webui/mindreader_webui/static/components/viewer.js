// A photo as a tile of a grid, and large, with what is known about it.

import { byId, h } from "../lib/dom.js";
import { formatCategory, formatNumber, formatTaken } from "../lib/format.js";
import { _ } from "../lib/i18n.js";
import { alsoIn } from "./also_in.js";

/** @import { Photo, SearchResult } from "../../../typings/api" */
/** @typedef {Photo|SearchResult} AnyPhoto */

/**
 * Its box has the proportions of the photo from the start, whatever is shown in it.
 * The page holds a `<dialog id="viewer">`.
 * @param {AnyPhoto} photo
 * @param {...HTMLElement} actions further buttons
 */
export function openViewer(photo, ...actions) {
  const dialog = byId("viewer", HTMLDialogElement);
  const { filename, width, height, thumbnail_url: thumbnail, original_url: original } = photo;
  const image = h("img", { src: thumbnail, alt: filename });
  image.style.setProperty("--width", `${width}px`);
  image.style.setProperty("--ratio", `${width / height}`);
  dialog.replaceChildren(
    image,
    h("h2", {}, filename),
    h("p", { class: "hint" }, factsOf(photo).join(" · ")),
    ...("also_in" in photo ? alsoIn(photo) : []),
    h(
      "div",
      { class: "row" },
      h("button", { class: "primary", onclick: () => dialog.close() }, _("Close")),
      h("a", { href: original, target: "_blank", rel: "noopener" }, _("Open original")),
      ...actions,
    ),
  );
  const large = new Image();
  large.onload = () => (image.src = large.src);
  large.src = photo.preview_url;
  dialog.showModal();
}

export const closeViewer = () => byId("viewer", HTMLDialogElement).close();

/** @param {AnyPhoto} photo */
function factsOf(photo) {
  const facts = [
    photo.category && formatCategory(photo.category),
    photo.collection,
    `${photo.width} × ${photo.height}`,
  ];
  if ("score" in photo) facts.push(_("similarity {score}", { score: formatNumber(photo.score, 2) }));
  facts.push(takenSentence(photo));
  if ("error" in photo) facts.push(photo.error);
  return facts.filter(Boolean);
}

/** @type {Record<NonNullable<AnyPhoto["date_source"]>, (date: string) => string>} */
const TAKEN = {
  person: (date) => _("taken {date}, as a person said", { date }),
  exif: (date) => _("taken {date}", { date }),
  digitized: (date) => _("taken or scanned {date}", { date }),
  xmp: (date) => _("taken {date}, from its XMP data", { date }),
  iptc: (date) => _("taken {date}, from its IPTC data", { date }),
  sidecar: (date) => _("taken {date}, from the XMP file beside it", { date }),
  takeout: (date) => _("taken {date}, from Google Takeout", { date }),
  name: (date) => _("taken {date}, from its name", { date }),
  modified: (date) => _("perhaps taken {date}: a guess from when it was last changed", { date }),
  file: (date) => _("perhaps taken {date}: a guess from the file’s time", { date }),
  none: () => _("date unknown"),
};

/** When it was taken, and who says so. @param {Pick<AnyPhoto, "taken_at"|"date_source">} photo */
export function takenSentence({ taken_at: moment, date_source: source }) {
  return moment ? TAKEN[source ?? "exif"](formatTaken(moment)) : _("date unknown");
}

/** A click beside the dialog closes it. */
const viewer = document.getElementById("viewer");
viewer?.addEventListener("click", (event) => {
  if (event.target === viewer) closeViewer();
});

/**
 * @param {AnyPhoto} photo
 * @param {string} note below its name
 * @param {number} [index] in its grid
 * @param {(event: MouseEvent) => void} [onclick]
 */
export function photoTile(photo, note, index, onclick = () => openViewer(photo)) {
  const attributes = { alt: "", loading: "lazy", decoding: "async", width: 256, height: 256 };
  const image = h("img", { src: photo.thumbnail_url, ...attributes });
  const name = h("span", {}, photo.category ? formatCategory(photo.category) : photo.filename);
  const button = h(
    "button",
    { title: photo.filename },
    image,
    h("span", { class: "caption" }, name, h("small", {}, note)),
  );
  button.addEventListener("click", onclick);
  return h("li", { "data-index": index }, button);
}
