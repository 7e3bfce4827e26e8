// Public links: made for a collection or for what a search found, listed, revoked.

import { call } from "../lib/api.js";
import { byId, h, messageOf, toast } from "../lib/dom.js";
import { formatDate } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";
import { factsLine } from "./facts.js";

/** @import { IssuedPublicLink, NewPublicLink, PublicLink } from "../../../typings/api" */

const DAYS = 30;
const DAY_MS = 86_400_000;

/**
 * A form that makes links; its address is shown in it, once.
 *
 * @param {() => Partial<NewPublicLink>} shown what the link shows
 * @param {() => unknown} onmade
 * @param {...HTMLElement} fields further ones, before the others
 */
export function publicLinkForm(shown, onmade, ...fields) {
  const until = h("input", { type: "date", required: true, min: isoDay(1), max: isoDay(3650), value: isoDay(DAYS) });
  const downloads = h("input", { type: "checkbox" });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const made = h("div", { class: "stack", role: "status" });
  const make = async () => {
    const ends = { expires_at: endOfDay(until.value), downloads: downloads.checked };
    const link = await call("POST", "/public-links", { body: { ...shown(), ...ends } });
    made.replaceChildren(...newLink(link));
    await onmade();
    made.scrollIntoView({ block: "nearest" });
  };
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    problem.hidden = true;
    await make().catch((error) => {
      problem.textContent = messageOf(error); // in the dialog: it lies above the toasts
      problem.hidden = false;
    });
  };
  return h(
    "form",
    { class: "stack", onsubmit: submit },
    ...fields,
    h("label", {}, _("It works until"), " ", until),
    h("label", { class: "switch" }, downloads, " ", _("Originals can be downloaded")),
    h(
      "p",
      { class: "hint" },
      _("Originals hold what the camera wrote, often the place; what is shown holds none of it."),
    ),
    h("div", { class: "row" }, h("button", {}, _("Make a public link"))),
    problem,
    made,
  );
}

/** @param {IssuedPublicLink} link */
function newLink({ url, photos }) {
  const address = h("input", { value: url, readonly: true, "aria-label": _("The new link"), class: "address" });
  address.onfocus = () => address.select();
  const copy = () =>
    navigator.clipboard
      .writeText(url)
      .then(() => toast(_("The link is copied.")))
      .catch(() => address.select());
  const shows = photos === null ? "" : ngettext("It shows {n} photo.", "It shows {n} photos.", photos);
  return [
    h("p", {}, _("Copy it now, it is shown only once:"), " ", shows),
    h("div", { class: "row" }, address, h("button", { type: "button", onclick: copy }, _("Copy"))),
  ];
}

/** @param {PublicLink} link @param {(link: PublicLink) => unknown} revoke @param {boolean} [byWhom] say who made it */
export function publicLinkEntry(link, revoke, byWhom = false) {
  const date = formatDate(link.expires_at);
  const opened = ngettext("opened {n} time", "opened {n} times", link.opened);
  const facts = [link.expired ? _("ended {date}", { date }) : _("works until {date}", { date }), opened];
  if (link.downloads) facts.push(_("with originals"));
  if (byWhom) facts.push(_("made by {name}", { name: link.made_by }));
  const kind = link.collection_id === null ? _("Search: {title}", { title: link.title }) : link.title;
  const label = _("Revoke the link to {title}", { title: link.title });
  const attributes = { type: "button", class: "danger", "aria-label": label };
  const button = h("button", { ...attributes, onclick: () => revoke(link) }, _("Revoke"));
  return h("li", {}, h("div", {}, h("strong", {}, kind), factsLine(...facts)), button);
}

/** @param {PublicLink} link */
export const revokePublicLink = ({ id }) => call("DELETE", "/public-links/{link_id}", { path: { link_id: id } });

/**
 * Share what a search found. The page holds a `<dialog id="dialog">`.
 *
 * @param {number} searchId
 * @param {number[]} photoIds the best first
 */
export function shareSearchDialog(searchId, photoIds) {
  const dialog = byId("dialog", HTMLDialogElement);
  const title = h("input", { maxlength: 200, required: true, value: _("Found by drawing") });
  const form = publicLinkForm(
    () => ({ search_id: searchId, photo_ids: photoIds, title: title.value }),
    () => {},
    h("label", {}, _("Title"), " ", title),
  );
  const close = h("button", { type: "button", class: "primary", onclick: () => dialog.close() }, _("Done"));
  const hint = _("Whoever has the link sees the sketch and the photos found now that are yours, without an account.");
  dialog.replaceChildren(
    h("div", { class: "stack" }, h("h2", {}, _("Share this result")), h("p", { class: "hint" }, hint), form, close),
  );
  dialog.showModal();
}

/** @param {number} days from today */
const isoDay = (days) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);

/** The last moment of a day where this person is. @param {string} day as `2026-11-23` */
const endOfDay = (day) => new Date(`${day}T23:59:59`).toISOString();
