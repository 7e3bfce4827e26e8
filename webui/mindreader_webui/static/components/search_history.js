// Earlier sketches of this person, to search with again.

import { call, get } from "../lib/api.js";
import { byId, h, showError } from "../lib/dom.js";
import { formatDateTime } from "../lib/format.js";
import { _ } from "../lib/i18n.js";

/** @import { PastSearch } from "../../../typings/api" */

const PAGE = 24;

export class SearchHistory {
  /** @param {(picture: File) => void} open search with a sketch again */
  constructor(open) {
    this.open = (/** @type {File} */ picture) => {
      byId("history").hidePopover();
      open(picture);
    };
    this.list = byId("earlier");
    /** @type {number|null} */
    this.next = null;
    byId("older").onclick = () => this.loadMore().catch(showError);
    byId("forget").onclick = () => this.forgetAll().catch(showError);
  }

  async load() {
    this.next = null;
    await this.loadMore();
  }

  async loadMore() {
    const page = await get("/searches", { query: { limit: PAGE, after: this.next } });
    if (!this.next) this.list.replaceChildren();
    this.next = page.next;
    byId("older").hidden = page.next === null;
    this.list.append(...page.searches.map((search) => this.entry(search)));
    byId("forget").hidden = this.list.children.length === 0;
    byId("no-history").hidden = this.list.children.length > 0;
  }

  async forgetAll() {
    await call("DELETE", "/searches");
    await this.load();
  }

  /** @param {PastSearch} search */
  entry({ sketch_url: url, created_at: created }) {
    const date = formatDateTime(created);
    const image = h("img", { src: url, alt: _("Sketch of {date}", { date }), loading: "lazy", width: 72, height: 72 });
    const reuse = async () => {
      const answer = await fetch(url);
      if (!answer.ok) {
        await this.load();
        throw new Error(_("This sketch is no longer there: what you drew since has taken its place."));
      }
      this.open(new File([await answer.blob()], "sketch.png", { type: "image/png" }));
    };
    return h("li", {}, h("button", { title: date, onclick: () => reuse().catch(showError) }, image));
  }
}
