// The page Users: add, give another role or password, remove.

import { call, get } from "../lib/api.js";
import { ask, byId, make, say } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";

const me = Number(byId("users").dataset.me);
/** @type {any[]} */
let users = [];

async function load() {
  users = (await get("/users")).users;
  byId("users").replaceChildren(...users.map(entry));
}

/** @param {any} user */
function entry(user) {
  const admin = user.role === "admin";
  const change = (/** @type {object} */ body, /** @type {string} */ sentence) => call("PATCH", `/users/${user.id}`, body).then(() => { say(sentence); return load(); }).catch(failed);
  return make("li", {}, make("div", { class: "row spread" }, make("h2", {}, user.name), make("span", { class: "badge" }, admin ? _("administrator") : _("member"))),
    make("div", { class: "row" },
      make("button", { class: "quiet", onclick: () => change({ role: admin ? "member" : "admin" }, (admin ? _("{name} is a member now.", { name: user.name }) : _("{name} is an administrator now.", { name: user.name }))) }, admin ? _("Make a member") : _("Make an administrator")),
      make("button", { class: "quiet", onclick: () => password(user, change) }, _("Set a password")),
      ...(user.id === me ? [] : [make("button", { class: "quiet", onclick: () => remove(user) }, _("Remove"))])));
}

/** @param {any} user @param {(body: object, sentence: string) => void} change */
function password(user, change) {
  const input = make("input", { type: "password", minlength: 10, required: true, autocomplete: "new-password" });
  ask(_("Another password for {name}", { name: user.name }), make("label", {}, _("Password, at least 10 characters"), " ", input), _("Set it"), () => change({ password: input.value }, _("The password is set. Sessions with the old one have ended.")));
}

/** @param {any} user */
function remove(user) {
  const heir = make("select", {}, ...users.filter((each) => each.id !== user.id).map((each) => make("option", { value: each.id, selected: each.id === me }, each.name)));
  const text = make("div", { class: "stack" }, make("p", {}, _("Tokens and searches are deleted with the account. Collections and photos stay.")), make("label", {}, _("Who takes over the collections?"), " ", heir));
  ask(_("Remove {name}?", { name: user.name }), text, _("Remove"), () => call("DELETE", `/users/${user.id}?heir_id=${heir.value}`).then(load).catch(failed), "danger");
}

/** @param {Error} error */
const failed = (error) => say(error.message);

byId("create").addEventListener("submit", async (/** @type {Event} */ event) => {
  event.preventDefault();
  try {
    await call("POST", "/users", { name: byId("name").value, password: byId("password").value, role: byId("role").value });
    byId("name").value = byId("password").value = "";
    await load();
  } catch (error) { failed(/** @type {Error} */ (error)); }
});
byId("create").querySelector("button").disabled = false;
load().catch(failed);
