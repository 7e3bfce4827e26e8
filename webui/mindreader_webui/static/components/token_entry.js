// An access token in a list: what it may do, how long it works, when it was used, and the button that ends it.

import { h } from "../lib/dom.js";
import { formatDate, formatMinute } from "../lib/format.js";
import { _ } from "../lib/i18n.js";
import { factsLine } from "./facts.js";

/** @import { Token } from "../../../typings/api" */

/** @type {Record<Token["scope"], string>} */
const SCOPES = {
  read: _("may look and search"),
  write: _("may also upload, label and delete"),
  full: _("may do everything its person may"),
};

/** @param {Token} token @param {(token: Token) => unknown} revoke */
export function tokenEntry(token, revoke) {
  const made = _("made {date}", { date: formatDate(token.created_at) });
  const facts = factsLine(SCOPES[token.scope], made, ending(token.expires_at), use(token.last_used_at));
  const label = _("Revoke {name}", { name: token.name });
  const button = h("button", { class: "danger", "aria-label": label, onclick: () => revoke(token) }, _("Revoke"));
  const about = h("div", {}, h("strong", {}, token.name), facts);
  return h("li", {}, about, button);
}

/** @param {string|null} moment */
function ending(moment) {
  if (moment === null) return _("works until it is revoked");
  const date = formatDate(moment);
  return new Date(moment) <= new Date() ? _("expired {date}", { date }) : _("works until {date}", { date });
}

/** @param {string|null} moment */
const use = (moment) => (moment === null ? _("never used") : _("last used {moment}", { moment: formatMinute(moment) }));
