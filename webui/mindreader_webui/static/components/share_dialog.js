// Who may look at a collection: chosen people, everyone who signs in here, or whoever has a link.

import { call, get } from "../lib/api.js";
import { byId, h, messageOf, showError } from "../lib/dom.js";
import { _, ngettext } from "../lib/i18n.js";
import { publicLinkEntry, publicLinkForm, revokePublicLink } from "./public_links.js";

/** @import { Collection, People, Person, PublicLink } from "../../../typings/api" */

const NAMES_SHOWN = 3;

/** @param {Collection} collection @returns {string} in a few words */
export function sharedWith({ visibility, mine, people }) {
  if (visibility === "shared") return _("shared with everyone here");
  if (!mine) return _("shared with you");
  if (!people.length) return _("private");
  if (people.length <= NAMES_SHOWN) return _("shared with {people}", { people: people.join(", ") });
  const some = people.slice(0, NAMES_SHOWN - 1);
  return ngettext(
    "shared with {people} and {n} more",
    "shared with {people} and {n} more",
    people.length - some.length,
    { people: some.join(", ") },
  );
}

/** @param {Collection} collection @param {() => void} onchange */
export function shareDialog(collection, onchange) {
  new ShareDialog(collection, onchange).open().catch(showError);
}

class ShareDialog {
  /** @param {Collection} collection @param {() => void} onchange */
  constructor(collection, onchange) {
    this.collection = collection;
    this.path = { collection_id: collection.id };
    this.onchange = onchange;
    this.dialog = byId("dialog", HTMLDialogElement);
    this.people = h("ul", { class: "plain", "aria-label": _("People it is shared with") });
    this.name = h("input", { maxlength: 100, required: true, autocomplete: "off" });
    this.everyone = h("input", { type: "checkbox", checked: collection.visibility === "shared" });
    this.links = h("ul", { class: "plain entries", "aria-label": _("Public links to it") });
    this.publicly = h("details", { class: "drawer" });
    this.unknown = h("p", { class: "problem", role: "alert", hidden: true }); // beside the name it is about
    this.problem = h("p", { class: "problem", role: "alert", hidden: true });
  }

  async open() {
    await Promise.all([this.loadPeople(), this.loadLinks()]);
    this.everyone.onchange = () => this.attempt(this.setVisibility());
    this.dialog.replaceChildren(this.content());
    this.dialog.showModal();
  }

  content() {
    const invite = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.attempt(this.invite(), this.unknown);
    };
    return h(
      "div",
      { class: "stack" },
      h("h2", {}, _("Share {name}", { name: this.collection.name })),
      h(
        "p",
        { class: "hint" },
        _("They can look at its photos and find them by drawing. Only you can change anything."),
      ),
      h("label", { class: "switch" }, this.everyone, " ", _("Everyone who signs in here")),
      this.people,
      h(
        "form",
        { class: "row", onsubmit: invite },
        h("label", {}, _("Name of a person"), " ", this.name),
        h("button", {}, _("Add")),
      ),
      this.unknown,
      this.publicly,
      this.problem,
      h(
        "div",
        { class: "row" },
        h("button", { type: "button", class: "primary", onclick: () => this.dialog.close() }, _("Done")),
      ),
    );
  }

  /** Show in the dialog what went wrong: it lies above the toasts. @param {Promise<unknown>} change @param {HTMLElement} [place] */
  async attempt(change, place = this.problem) {
    this.forgetProblems();
    try {
      await change;
      this.onchange();
    } catch (error) {
      place.textContent = messageOf(error);
      place.hidden = false;
    }
  }

  forgetProblems() {
    this.unknown.hidden = this.problem.hidden = true;
  }

  async loadPeople() {
    this.showPeople(await get("/collections/{collection_id}/people", { path: this.path }));
  }

  /** Where links are switched off, those there are can still be revoked. */
  async loadLinks() {
    const query = { collection_id: this.collection.id };
    const { links, allowed } = await get("/public-links", { query });
    this.links.replaceChildren(
      ...links.map((link) => publicLinkEntry(link, (each) => this.attempt(this.revoke(each)), true)),
    );
    if (this.publicly.firstChild) return;
    this.publicly.hidden = !allowed && !links.length;
    this.publicly.append(
      h("summary", {}, _("Anyone with a link, without an account")),
      ...(allowed
        ? [
            publicLinkForm(
              () => query,
              () => {
                this.forgetProblems();
                return this.loadLinks();
              },
            ),
          ]
        : []),
      this.links,
    );
  }

  /** @param {PublicLink} link */
  async revoke(link) {
    await revokePublicLink(link);
    await this.loadLinks();
  }

  /** @param {People} answer */
  showPeople({ people }) {
    this.people.replaceChildren(...people.map((person) => this.entry(person)));
  }

  /** @param {Person} person */
  entry(person) {
    const label = _("Stop sharing with {name}", { name: person.name });
    const onclick = () => this.attempt(this.takeBack(person));
    const button = h("button", { type: "button", class: "quiet", "aria-label": label, onclick }, _("Stop sharing"));
    return h("li", {}, person.name, button);
  }

  /** @param {Person} person */
  async takeBack({ id }) {
    await call("DELETE", "/collections/{collection_id}/people/{person_id}", { path: { ...this.path, person_id: id } });
    await this.loadPeople();
  }

  async invite() {
    const body = { name: this.name.value };
    this.showPeople(await call("POST", "/collections/{collection_id}/people", { path: this.path, body }));
    this.name.value = "";
  }

  async setVisibility() {
    const visibility = this.everyone.checked ? "shared" : "private";
    await call("PATCH", "/collections/{collection_id}", { path: this.path, body: { visibility } });
  }
}
