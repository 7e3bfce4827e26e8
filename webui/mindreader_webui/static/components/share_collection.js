// Who may look at a collection: chosen people, or everyone who signs in here.

import { call, get } from "../lib/api.js";
import { byId, make, say } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";

/** @param {any} collection @returns {string} in a few words */
export function sharedWith(collection) {
  if (collection.visibility === "shared") return _("shared with everyone here");
  if (!collection.mine) return _("shared with you");
  const { people } = collection;
  if (!people.length) return _("private");
  if (people.length <= 3) return _("shared with {people}", { people: people.join(", ") });
  return _("shared with {people} and {n} more", { people: people.slice(0, 2).join(", "), n: people.length - 2 });
}

/** @param {any} collection @param {() => void} changed */
export async function askSharing(collection, changed) {
  const dialog = byId("dialog");
  const path = `/collections/${collection.id}`;
  const list = make("ul", { class: "plain", "aria-label": _("People it is shared with") });
  const name = make("input", { maxlength: 100, required: true, autocomplete: "off" });
  const problem = make("p", { class: "problem", role: "alert", hidden: true });

  /** @param {Promise<any>} work */
  const doing = (work) => work.then(() => { problem.hidden = true; changed(); }).catch((error) => { problem.textContent = error.message; problem.hidden = false; });
  /** @param {{people: any[]}} answer */
  const show = ({ people }) => list.replaceChildren(...people.map((person) => make("li", {}, person.name,
    make("button", { type: "button", class: "quiet", "aria-label": _("Take it back from {name}", { name: person.name }), onclick: () => doing(call("DELETE", `${path}/people/${person.id}`).then(() => get(`${path}/people`)).then(show)) }, _("Take back")))));
  const invite = (/** @type {Event} */ event) => {
    event.preventDefault();
    doing(call("POST", `${path}/people`, { name: name.value }).then((answer) => { name.value = ""; show(answer); }));
  };
  const everyone = make("input", { type: "checkbox", checked: collection.visibility === "shared" });
  everyone.onchange = () => doing(call("PATCH", path, { visibility: everyone.checked ? "shared" : "private" }));

  try {
    show(await get(`${path}/people`));
  } catch (error) {
    say(/** @type {Error} */ (error).message);
    return;
  }
  dialog.replaceChildren(make("div", { class: "stack" }, make("h2", {}, _("Share {name}", { name: collection.name })),
    make("p", { class: "hint" }, _("They can look at its photos and find them by drawing. Only you can change anything.")),
    make("label", { class: "switch" }, everyone, " ", _("Everyone who signs in here")), list,
    make("form", { class: "row", onsubmit: invite }, make("label", {}, _("Name of a person"), " ", name), make("button", {}, _("Add"))), problem,
    make("div", { class: "row" }, make("button", { type: "button", class: "primary", onclick: () => dialog.close() }, _("Done")))));
  dialog.showModal();
}
