// The page Users: add, give another role or password, end access tokens, disable, remove.

import { publicLinkEntry, revokePublicLink } from "../components/public_links.js";
import { tokenEntry } from "../components/token_entry.js";
import { call, get } from "../lib/api.js";
import { byId, confirmDialog, h, messageOf, onSubmit, showError, toast } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";

/** @import { PublicLink, Token, User, UserChange } from "../../../typings/api" */

const SHORTEST_PASSWORD = 10;

const me = Number(byId("users").dataset.me);
const name = byId("name", HTMLInputElement);
const password = byId("password", HTMLInputElement);
const role = byId("role", HTMLSelectElement);
/** @type {User[]} */
let users = [];

async function load() {
  users = (await get("/users")).users;
  byId("users").replaceChildren(...users.map(entry));
}

/** @param {User} user */
function entry(user) {
  const isAdmin = user.role === "admin";
  const roleLabel = isAdmin ? _("Make a member") : _("Make an administrator");
  const buttons = [
    h("button", { class: "quiet", onclick: () => toggleRole(user).catch(showError) }, roleLabel),
    h("button", { class: "quiet", onclick: () => passwordDialog(user) }, _("Set a password")),
    h("button", { class: "quiet", onclick: () => tokensDialog(user).catch(showError) }, _("Access tokens")),
  ];
  if (user.id !== me) {
    const ableLabel = user.disabled ? _("Enable") : _("Disable");
    const able = () => (user.disabled ? enable(user).catch(showError) : disableDialog(user));
    buttons.push(h("button", { class: "quiet", onclick: able }, ableLabel));
    buttons.push(h("button", { class: "quiet", onclick: () => removeDialog(user) }, _("Remove")));
  }
  const badges = [h("span", { class: "badge" }, isAdmin ? _("administrator") : _("member"))];
  if (user.disabled) badges.unshift(h("span", { class: "badge bad" }, _("disabled")));
  return h(
    "li",
    {},
    h("div", { class: "row spread" }, h("h2", {}, user.name), h("div", { class: "row" }, ...badges)),
    h("div", { class: "row actions" }, ...buttons),
  );
}

/** @param {User} user @param {UserChange} body @param {string} sentence */
async function change(user, body, sentence) {
  await call("PATCH", "/users/{user_id}", { path: { user_id: user.id }, body });
  toast(sentence);
  await load();
}

/** @param {User} user */
function toggleRole(user) {
  if (user.role === "admin") {
    return change(user, { role: "member" }, _("{name} is a member now.", { name: user.name }));
  }
  return change(user, { role: "admin" }, _("{name} is an administrator now.", { name: user.name }));
}

/** @param {User} user */
function passwordDialog(user) {
  const attributes = { type: "password", required: true, autocomplete: "new-password" };
  const input = h("input", { ...attributes, minlength: SHORTEST_PASSWORD });
  const field = h("label", {}, _("New password, at least 10 characters"), " ", input);
  const ending = h("input", { type: "checkbox", checked: true });
  const content = h(
    "div",
    { class: "stack" },
    field,
    h("label", { class: "switch" }, ending, " ", _("End their access tokens too")),
    h("p", { class: "hint" }, _("They are signed out everywhere.")),
  );
  const set = () =>
    change(
      user,
      { password: input.value, end_tokens: ending.checked },
      _("The password is set. Sessions with the old one have ended."),
    );
  confirmDialog(_("New password for {name}", { name: user.name }), content, _("Set the password"), () =>
    set().catch(showError),
  );
}

/** @param {User} user */
async function tokensDialog(user) {
  const dialog = byId("dialog", HTMLDialogElement);
  const list = h("ul", { class: "plain entries" });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const path = { user_id: user.id };
  const load = async () => {
    const { tokens } = await get("/users/{user_id}/tokens", { path });
    const none = h("li", {}, _("There are none."));
    list.replaceChildren(...(tokens.length ? tokens.map((token) => tokenEntry(token, revoke)) : [none]));
  };
  const revoke = (/** @type {Token} */ { id }) =>
    call("DELETE", "/users/{user_id}/tokens/{token_id}", { path: { ...path, token_id: id } })
      .then(load)
      .catch((error) => {
        // In the dialog: it lies above the toasts.
        problem.textContent = messageOf(error);
        problem.hidden = false;
      });
  await load();
  const close = h("button", { type: "button", class: "primary", onclick: () => dialog.close() }, _("Done"));
  const title = h("h2", {}, _("Access tokens of {name}", { name: user.name }));
  dialog.replaceChildren(h("div", { class: "stack" }, title, list, problem, h("div", { class: "row" }, close)));
  dialog.showModal();
}

/** @param {User} user */
const enable = (user) => change(user, { disabled: false }, _("{name} can sign in again.", { name: user.name }));

/** @param {User} user */
function disableDialog(user) {
  const text = _(
    "Sessions and access tokens end at once. Collections stay as they are, and the account can be enabled.",
  );
  const disable = () => change(user, { disabled: true }, _("{name} cannot sign in any more.", { name: user.name }));
  const title = _("Disable the account of {name}?", { name: user.name });
  confirmDialog(title, h("p", {}, text), _("Disable"), () => disable().catch(showError), "danger");
}

/** @param {User} user */
function removeDialog(user) {
  const heirs = users.filter(({ id }) => id !== user.id);
  const options = heirs.map(({ id, name }) => h("option", { value: id, selected: id === me }, name));
  const heir = h("select", {}, ...options);
  const content = h(
    "div",
    { class: "stack" },
    h("p", {}, _("Tokens and searches are deleted with the account. Collections and photos stay.")),
    h("label", {}, _("Who takes over the collections?"), " ", heir),
  );
  const remove = async () => {
    await call("DELETE", "/users/{user_id}", { path: { user_id: user.id }, query: { heir_id: Number(heir.value) } });
    await load();
  };
  const title = _("Remove {name}?", { name: user.name });
  confirmDialog(title, content, _("Remove"), () => remove().catch(showError), "danger");
}

async function loadLinks() {
  const { links } = await get("/public-links", { query: { everyone: true } });
  byId("links-card").hidden = !links.length;
  byId("links").replaceChildren(...links.map((link) => publicLinkEntry(link, revokeLink, true)));
}

/** @param {PublicLink} link */
const revokeLink = (link) => revokePublicLink(link).then(loadLinks).catch(showError);

onSubmit(byId("create", HTMLFormElement), async () => {
  const body = { name: name.value, password: password.value, role: /** @type {User["role"]} */ (role.value) };
  await call("POST", "/users", { body });
  name.value = password.value = "";
  await load();
});
load().catch(showError);
loadLinks().catch(showError);
