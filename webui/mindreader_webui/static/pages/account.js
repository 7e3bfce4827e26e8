import { call, get } from "../lib/api.js";
import { byId, make, say } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";

/** @type {Record<string, string>} */
const SCOPES = { read: _("may look and search"), write: _("may also upload, label and delete"), full: _("may do everything you may") };

async function load() {
  const { tokens } = await get("/tokens");
  byId("tokens").replaceChildren(...tokens.map((/** @type {any} */ token) => make("li", {},
    _("{name} ({scope}), made {date}", { name: token.name, scope: SCOPES[token.scope], date: new Date(token.created_at).toLocaleDateString() }),
    make("button", { class: "danger", onclick: () => call("DELETE", `/tokens/${token.id}`).then(load).catch(failed) }, _("Revoke")))));
}

/** @param {Error} error */
const failed = (error) => say(error.message);

byId("create").addEventListener("submit", async (/** @type {Event} */ event) => {
  event.preventDefault();
  try {
    const made = await call("POST", "/tokens", { name: byId("name").value, scope: byId("scope").value });
    byId("secret").replaceChildren(_("Copy it now, it is shown only once:"), " ", make("code", {}, made.token));
    byId("secret").hidden = false;
    byId("name").value = "";
    await load();
  } catch (error) { failed(/** @type {Error} */ (error)); }
});
byId("password").addEventListener("submit", async (/** @type {Event} */ event) => {
  event.preventDefault();
  try {
    await call("POST", "/session/password", { old: byId("old").value, new: byId("new").value });
    byId("old").value = byId("new").value = "";
    say(_("The password is changed. Other browsers are signed out."));
  } catch (error) { failed(/** @type {Error} */ (error)); }
});
byId("password").querySelector("button").disabled = false;
byId("sign-out").onclick = () => call("DELETE", "/session").then(() => location.assign("/sign-in")).catch(failed);
byId("create").querySelector("button").disabled = byId("sign-out").disabled = false;
load().catch(failed);
