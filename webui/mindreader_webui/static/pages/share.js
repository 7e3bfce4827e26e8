// The page Share: pictures that another app shared, to search with or to keep.

import { byId, h, showError } from "../lib/dom.js";
import { _, ngettext } from "../lib/i18n.js";
import { forgetSharedFiles, sharedFiles } from "../lib/shared_files.js";

const MOST_SHOWN = 12;

async function start() {
  const files = await sharedFiles();
  if (!files.length) {
    byId("said").textContent = _("There is nothing here. Share the picture once more, from the app it is in.");
    return;
  }
  byId("said").textContent = ngettext(
    "What shall become of this picture?",
    "What shall become of these {n} pictures?",
    files.length,
  );
  byId("pictures").replaceChildren(...files.slice(0, MOST_SHOWN).map(picture));
  byId("search").hidden = files.length > 1; // a search is for one thing
  byId("add").classList.toggle("primary", files.length > 1);
  byId("ways").hidden = false;
}

/** @param {File} file */
function picture(file) {
  const image = h("img", { src: URL.createObjectURL(file), alt: file.name, width: 160, height: 160 });
  image.onerror = () => image.replaceWith(h("span", { class: "hint" }, file.name)); // of a kind no browser shows
  return h("li", {}, image);
}

byId("discard").onclick = () =>
  forgetSharedFiles()
    .then(() => location.assign("/"))
    .catch(showError);
start().catch(showError);
