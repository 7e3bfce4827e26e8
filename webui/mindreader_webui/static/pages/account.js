// The page Account: where one is signed in, access tokens, public links, other ways in, the password.

import { publicLinkEntry, revokePublicLink } from "../components/public_links.js";
import { factsLine } from "../components/facts.js";
import { sessionEntry } from "../components/session_entry.js";
import { tokenEntry } from "../components/token_entry.js";
import { call, get } from "../lib/api.js";
import { byId, h, onSubmit, setDisabled, showError, toast } from "../lib/dom.js";
import { formatDate } from "../lib/format.js";
import { _ } from "../lib/i18n.js";

/** @import { BrowserSession, Identity, NewToken, PublicLink, Token } from "../../../typings/api" */

const name = byId("name", HTMLInputElement);
const scope = byId("scope", HTMLSelectElement);
const days = byId("days", HTMLSelectElement);

async function loadTokens() {
  const { tokens } = await get("/tokens");
  byId("tokens").replaceChildren(...tokens.map((token) => tokenEntry(token, revoke)));
}

/** @param {Token} token */
const revoke = ({ id }) =>
  call("DELETE", "/tokens/{token_id}", { path: { token_id: id } })
    .then(loadTokens)
    .catch(showError);

async function loadSessions() {
  const { sessions } = await get("/sessions");
  const thisOneFirst = [...sessions].sort((a, b) => Number(b.current) - Number(a.current));
  byId("sessions").replaceChildren(...thisOneFirst.map((session) => sessionEntry(session, end)));
  byId("end-others").hidden = sessions.length < 2;
}

/** @param {BrowserSession} session */
const end = ({ id }) =>
  call("DELETE", "/sessions/{session_id}", { path: { session_id: id } })
    .then(loadSessions)
    .catch(showError);

byId("end-others").onclick = () => call("DELETE", "/sessions").then(loadSessions).catch(showError);

onSubmit(byId("create", HTMLFormElement), async () => {
  const lifetime = days.value === "" ? null : Number(days.value);
  const body = { name: name.value, scope: /** @type {NewToken["scope"]} */ (scope.value), days: lifetime };
  const issued = await call("POST", "/tokens", { body });
  byId("secret").replaceChildren(_("Copy it now, it is shown only once:"), " ", h("code", {}, issued.token));
  byId("secret").hidden = false;
  name.value = "";
  await loadTokens();
});

/** Who signs in elsewhere has no password here. */
function enablePasswordForm() {
  const [oldPassword, newPassword] = [byId("old", HTMLInputElement), byId("new", HTMLInputElement)];
  onSubmit(byId("password", HTMLFormElement), async () => {
    await call("POST", "/session/password", { body: { old: oldPassword.value, new: newPassword.value } });
    oldPassword.value = newPassword.value = "";
    toast(_("The password is changed. Other browsers are signed out."));
    await loadSessions();
  });
}

async function loadIdentities() {
  const { identities } = await get("/identities");
  byId("unconnected").hidden = identities.length > 0;
  byId("identities").replaceChildren(...identities.map(identityEntry));
}

/** @param {Identity} identity */
function identityEntry({ id, label, created_at: since }) {
  const disconnect = () =>
    call("DELETE", "/identities/{identity_id}", { path: { identity_id: id } })
      .then(loadIdentities)
      .catch(showError);
  const name = _("Disconnect {name}", { name: label });
  const facts = factsLine(_("connected {date}", { date: formatDate(since) }));
  const button = h("button", { class: "danger", "aria-label": name, onclick: disconnect }, _("Disconnect"));
  return h("li", {}, h("div", {}, h("strong", {}, label), facts), button);
}

function enableConnecting() {
  byId("connect").onclick = () =>
    call("POST", "/identities")
      .then(({ url }) => location.assign(url))
      .catch(showError);
  setDisabled(false, "connect");
  loadIdentities().catch(showError);
}

async function loadLinks() {
  const { links } = await get("/public-links");
  byId("links-card").hidden = !links.length;
  byId("links").replaceChildren(...links.map((link) => publicLinkEntry(link, revokeLink)));
}

/** @param {PublicLink} link */
const revokeLink = (link) => revokePublicLink(link).then(loadLinks).catch(showError);

loadSessions().catch(showError);
loadTokens().catch(showError);
loadLinks().catch(showError);
if (document.getElementById("password")) enablePasswordForm();
if (document.getElementById("connect")) enableConnecting();
