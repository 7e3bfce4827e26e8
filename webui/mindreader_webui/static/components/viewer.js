// A photo, large, with what is known about it.

import { byId, make } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";

/**
 * @param {any} photo as the API gives it
 * @param {...HTMLElement} actions further buttons
 */
export function view(photo, ...actions) {
  const dialog = byId("viewer");
  const facts = [photo.category, photo.collection, photo.width && `${photo.width} × ${photo.height}`,
    photo.score != null && _("similarity {score}", { score: photo.score.toFixed(2) }), photo.taken_at && new Date(photo.taken_at).toLocaleDateString(),
    photo.error].filter(Boolean);
  dialog.replaceChildren(
    make("img", { src: photo.thumbnail_url, alt: photo.filename, width: photo.width, height: photo.height }),
    make("h2", {}, photo.filename),
    make("p", { class: "hint" }, facts.join(" · ")),
    make("div", { class: "row" },
      make("button", { class: "primary", onclick: () => dialog.close() }, _("Close")),
      make("a", { href: photo.original_url, target: "_blank", rel: "noopener" }, _("Open original")), ...actions),
  );
  const large = new Image();
  large.onload = () => { dialog.querySelector("img").src = large.src; };
  large.src = photo.original_url;
  dialog.showModal();
}

/** A click beside the dialog closes it. */
byId("viewer")?.addEventListener("click", (/** @type {MouseEvent} */ event) => {
  if (event.target === byId("viewer")) byId("viewer").close();
});

/** @param {any} photo @param {(photo: any) => void} open @param {string} [note] @returns {HTMLLIElement} */
export function tile(photo, open, note = photo.collection) {
  const image = make("img", { src: photo.thumbnail_url, alt: "", loading: "lazy", decoding: "async", width: 256, height: 256 });
  const caption = make("span", { class: "caption" }, make("span", {}, photo.category || photo.filename), make("small", {}, note));
  return make("li", {}, make("button", { onclick: () => open(photo), title: photo.filename }, image, caption));
}
