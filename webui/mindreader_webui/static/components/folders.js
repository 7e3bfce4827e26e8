// Folders of the server that are shown in place: the part of the page Library for administrators.

import { call, get } from "../lib/api.js";
import { byId, confirmDialog, h, poll, showError } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";
import { redraw } from "../lib/redraw.js";
import { folderEntry } from "./folder_entry.js";
import { folderFields } from "./folder_form.js";

const POLL_MS = 2000;

let shown = "";
/** @type {() => Promise<unknown>} */
let reloadCollections = () => Promise.resolve();

async function load() {
  const { folders, roots } = await get("/folders");
  const news = JSON.stringify(folders);
  byId("folder-roots").textContent = roots.length
    ? _("Photos stay where they lie, and nothing there is ever changed. Allowed: {roots}", { roots: roots.join(", ") })
    : _("To show photos where they lie, set MINDREADER_FOLDER_ROOTS on the server and start it again.");
  byId("add-folder").hidden = !roots.length;
  if (shown === news) return;
  if (shown) await reloadCollections();
  shown = news;
  redraw(byId("folder-list"), ...folders.map((folder) => folderEntry(folder, load)));
}

function addDialog() {
  const name = h("input", { maxlength: 200, required: true });
  const fields = folderFields();
  fields.element.prepend(h("label", {}, _("Name of the collection"), " ", name));
  const add = () =>
    call("POST", "/folders", { body: { ...fields.values(), collection: name.value } })
      .then(load)
      .catch(showError);
  confirmDialog(_("Show a folder"), fields.element, _("Show"), add);
}

/** Show them, if the page has the place for them. @param {() => Promise<unknown>} onchange the collections may have changed */
export function startFolders(onchange) {
  if (!document.getElementById("folders")) return;
  reloadCollections = onchange;
  byId("add-folder").onclick = addDialog;
  poll(load, POLL_MS).catch(showError);
}
