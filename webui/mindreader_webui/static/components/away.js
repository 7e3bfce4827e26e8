// What a tile says of a photo whose original is not there now.

import { h } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";

/** @param {{away: boolean}} photo */
export const awayMark = ({ away }) => (away ? [h("span", { class: "away" }, _("disk not there"))] : []);
