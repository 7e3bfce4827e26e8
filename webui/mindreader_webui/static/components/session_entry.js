// A browser somebody is signed in with, in a list, and the button that signs it out.

import { h } from "../lib/dom.js";
import { formatDate, formatMinute } from "../lib/format.js";
import { _ } from "../lib/i18n.js";
import { factsLine } from "./facts.js";

/** @import { BrowserSession } from "../../../typings/api" */

/** @param {BrowserSession} session @param {(session: BrowserSession) => unknown} end */
export function sessionEntry(session, end) {
  const facts = factsLine(
    _("last used {moment}", { moment: formatMinute(session.last_used_at) }),
    _("signed in {date}", { date: formatDate(session.created_at) }),
    session.address && _("from {address}", { address: session.address }),
  );
  const name = h("strong", {}, deviceName(session));
  if (session.current) {
    const here = h("span", { class: "badge" }, _("this browser"));
    return h("li", {}, h("div", {}, name, " ", here, facts));
  }
  return h("li", {}, h("div", {}, name, facts), endButton(session, end));
}

/** @param {BrowserSession} session @param {(session: BrowserSession) => unknown} end */
function endButton(session, end) {
  const label = _("Sign out {name}", { name: deviceName(session) });
  return h("button", { class: "quiet", "aria-label": label, onclick: () => end(session) }, _("Sign out"));
}

/** @param {BrowserSession} session */
function deviceName({ browser, system }) {
  if (browser && system) return _("{browser} on {system}", { browser, system });
  return browser ?? system ?? _("Unknown browser");
}
