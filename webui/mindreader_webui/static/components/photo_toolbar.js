// The toolbar of chosen photos; only what the person may do with them is offered. The dialogs come when they are needed.

import { byId, setDisabled, showError } from "../lib/dom.js";
import { ngettext } from "../lib/i18n.js";
import { selectedCount } from "./selection.js";
import { idOf } from "./viewer.js";

/** @import { PhotoActions, PhotoHost } from "./photo_actions.js" */
/** @import { Selection } from "./selection.js" */
/** @import { AnyPhoto } from "./viewer.js" */
/** @typedef {"date"|"category"|"move"|"copy"|"download"|"remove"} ActionName */
/** @typedef {(name: ActionName, photos: AnyPhoto[]) => Promise<void>} Act */

/** @type {Record<string, ActionName>} by the id of the button */
const ACTIONS = {
  "set-date": "date",
  "set-category": "category",
  move: "move",
  copy: "copy",
  download: "download",
  delete: "remove",
};
const CHANGING = ["set-date", "set-category", "move", "delete"];

/** @param {PhotoHost} host @returns {Act} */
export function photoActions(host) {
  /** @type {PhotoActions|undefined} */
  let actions;
  return async (name, photos) => {
    try {
      const { PhotoActions } = await import("./photo_actions.js");
      actions ??= new PhotoActions(host);
      await actions[name](photos);
    } catch (error) {
      showError(error);
    }
  };
}

/** The page holds photo_toolbar.html. */
export class PhotoToolbar {
  /**
   * @param {Selection} selection
   * @param {() => AnyPhoto[]} photos those that are shown
   * @param {Act} act
   */
  constructor(selection, photos, act) {
    this.selection = selection;
    this.photos = photos;
    for (const [id, name] of Object.entries(ACTIONS)) byId(id).onclick = () => act(name, this.chosen());
    byId("select").onclick = () => selection.start();
    byId("all").onclick = () => selection.selectAll();
    byId("done").onclick = () => selection.stop();
  }

  /** In their order, where all of them are shown. @returns {AnyPhoto[]} */
  chosen() {
    const { chosen } = this.selection;
    const shown = this.photos().filter((photo) => chosen.has(idOf(photo)));
    return shown.length === chosen.size ? shown : /** @type {AnyPhoto[]} */ ([...chosen.values()]);
  }

  refresh() {
    const { active } = this.selection;
    const [shown, chosen] = [this.photos(), this.chosen()];
    byId("select").hidden = active || !shown.length;
    byId("chosen").hidden = !active;
    const fixed = chosen.filter((photo) => !photo.may_change).length;
    const mayChange = chosen.length ? !fixed : shown.some((photo) => photo.may_change);
    for (const id of CHANGING) byId(id).hidden = !mayChange;
    byId("chosen-count").textContent = [selectedCount(chosen.length), ...notYours(fixed, shown)].join(" · ");
    setDisabled(!chosen.length, ...Object.keys(ACTIONS));
  }
}

/** Why less can be done, where with other photos more could. @param {number} fixed @param {AnyPhoto[]} shown */
const notYours = (fixed, shown) =>
  fixed && shown.some((photo) => photo.may_change)
    ? [ngettext("{n} of them is not yours to change", "{n} of them are not yours to change", fixed)]
    : [];
