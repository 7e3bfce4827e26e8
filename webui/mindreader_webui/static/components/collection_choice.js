// Which of one's collections, or a new one.

import { call, get } from "../lib/api.js";
import { confirmDialog, h, showError } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";

/** @typedef {{id: number, name: string}} Place a collection */

const NEW = "new";

/**
 * @param {string} title
 * @param {string} label of the button that confirms
 * @param {(collection: Place) => boolean} fits whether one's collection is offered
 * @param {(collection: Place) => Promise<unknown>} onChoice
 */
export async function chooseCollection(title, label, fits, onChoice) {
  const { collections } = await get("/collections");
  const offered = collections.filter((each) => each.mine && !each.shows_folder && fits(each));
  const options = offered.map(({ id, name }) => h("option", { value: id }, name));
  const select = h("select", {}, ...options, h("option", { value: NEW }, _("A new collection…")));
  const name = h("input", { maxlength: 200 });
  const named = h("label", {}, _("Name of the new collection"), " ", name);
  const refresh = () => {
    named.hidden = select.value !== NEW;
    name.required = !named.hidden;
  };
  select.onchange = refresh;
  refresh();
  const content = h("div", { class: "stack" }, h("label", {}, _("Collection"), " ", select), named);
  const chosen = async () => {
    if (select.value === NEW) return call("POST", "/collections", { body: { name: name.value } });
    const found = offered.find(({ id }) => id === Number(select.value));
    if (!found) throw new Error(_("Choose a collection."));
    return found;
  };
  confirmDialog(title, content, label, () => chosen().then(onChoice).catch(showError));
}
