// What is asked of a folder that is shown in place: where it is, what is left out, whether it is watched.

import { h } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";

/** @import { Folder } from "../../../typings/api" */

/** @param {Folder} [folder] that is changed; none for a new one */
export function folderFields(folder) {
  const path = h("input", { value: folder?.path ?? "", maxlength: 4095, required: true, spellcheck: "false" });
  const excludes = h("input", { value: (folder?.excludes ?? []).join(", "), placeholder: "private, *.png, 2019/raw" });
  const watch = h("input", { type: "checkbox", checked: folder?.watch ?? true });
  const categories = h("input", { type: "checkbox", checked: folder?.categories_from_folders ?? false });
  const element = h(
    "div",
    { class: "stack" },
    h("label", {}, _("Folder on the server"), " ", path),
    h("label", {}, _("Leave out (names or paths, with commas; * for any characters)"), " ", excludes),
    h("label", { class: "switch" }, watch, " ", _("Take up at once what changes there")),
    h("label", { class: "switch" }, categories, " ", _("A photo’s category is the name of its folder")),
  );
  const values = () => ({
    path: path.value,
    watch: watch.checked,
    excludes: excludes.value.split(",").map((each) => each.trim()),
    categories_from_folders: categories.checked,
  });
  return { element, values };
}
