// The page Account: access tokens, the password, the way out.

import { call, get } from "../lib/api.js";
import { byId, h, onSubmit, setDisabled, showError, toast } from "../lib/dom.js";
import { formatDate } from "../lib/format.js";
import { _ } from "../lib/i18n.js";

/** @import { NewToken, Token } from "../../../typings/api" */

/** @type {Record<Token["scope"], string>} */
const SCOPES = {
  read: _("may look and search"),
  write: _("may also upload, label and delete"),
  full: _("may do everything you may"),
};

const name = byId("name", HTMLInputElement);
const scope = byId("scope", HTMLSelectElement);
const oldPassword = byId("old", HTMLInputElement);
const newPassword = byId("new", HTMLInputElement);

async function load() {
  const { tokens } = await get("/tokens");
  byId("tokens").replaceChildren(...tokens.map(entry));
}

/** @param {Token} token */
function entry(token) {
  const values = { name: token.name, scope: SCOPES[token.scope], date: formatDate(token.created_at) };
  const revoke = () =>
    call("DELETE", "/tokens/{token_id}", { path: { token_id: token.id } })
      .then(load)
      .catch(showError);
  const button = h("button", { class: "danger", onclick: revoke }, _("Revoke"));
  return h("li", {}, _("{name} ({scope}), made {date}", values), button);
}

onSubmit(byId("create", HTMLFormElement), async () => {
  const body = { name: name.value, scope: /** @type {NewToken["scope"]} */ (scope.value) };
  const issued = await call("POST", "/tokens", { body });
  byId("secret").replaceChildren(_("Copy it now, it is shown only once:"), " ", h("code", {}, issued.token));
  byId("secret").hidden = false;
  name.value = "";
  await load();
});

onSubmit(byId("password", HTMLFormElement), async () => {
  await call("POST", "/session/password", { body: { old: oldPassword.value, new: newPassword.value } });
  oldPassword.value = newPassword.value = "";
  toast(_("The password is changed. Other browsers are signed out."));
});

byId("sign-out").onclick = () =>
  call("DELETE", "/session")
    .then(() => location.assign("/sign-in"))
    .catch(showError);
setDisabled(false, "sign-out");
load().catch(showError);
