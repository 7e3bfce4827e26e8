// One folder of the server as the page Library shows it to administrators: where it is, how far, what can be done.

import { call } from "../lib/api.js";
import { confirmDialog, h, showError, toast } from "../lib/dom.js";
import { formatDateTime, formatDuration, formatNumber } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";
import { folderFields } from "./folder_form.js";

/** @import { Folder, FolderProgress } from "../../../typings/api" */

/** @type {Record<string, string>} */
const PHASES = {
  looking: _("Looking for what changed"),
  reading: _("Reading photos"),
  verifying: _("Comparing every file"),
};

/** @param {Folder} folder @param {() => Promise<unknown>} reload */
export function folderEntry(folder, reload) {
  const href = `/library/${folder.collection_id}`;
  const heading = h("h3", {}, h("a", { href }, folder.collection));
  const badge = h("span", { class: folder.offline ? "badge bad" : "badge" }, stateOf(folder));
  return h(
    "li",
    { "data-key": folder.id },
    h("div", { class: "row spread" }, heading, badge),
    h("p", { class: "hint" }, h("code", {}, folder.path)),
    ...(folder.offline_sentence ? [h("p", { class: "problem" }, folder.offline_sentence)] : []),
    ...(folder.progress ? progressOf(folder.progress) : []),
    h("p", {}, countsOf(folder).join(" · ")),
    ...lastScan(folder),
    h("div", { class: "row actions" }, ...buttons(folder, reload)),
  );
}

/** @param {Folder} folder */
function stateOf({ offline, progress, scan_requested: scan, verify_requested: verify, watch }) {
  if (offline) return _("disk not there");
  if (progress || scan || verify) return _("at work");
  return watch ? _("watched") : _("up to date");
}

/** @param {FolderProgress} progress */
function progressOf({ phase, done, total, rate, seconds_left: left }) {
  const bar = total ? { max: total, value: Math.min(done, total) } : {};
  const words = [
    total > 0
      ? ngettext("{done} of {n} file", "{done} of {n} files", total, { done })
      : ngettext("{n} file", "{n} files", done),
    _("{rate} a second", { rate: formatNumber(rate, rate < 10 ? 1 : 0) }),
  ];
  if (left !== null && total) words.push(_("{duration} left", { duration: formatDuration(left) }));
  const label = PHASES[phase] ?? "";
  return [
    h("progress", { ...bar, "aria-label": label }),
    h("p", { class: "hint" }, [label, ...words].filter(Boolean).join(" · ")),
  ];
}

/** @param {Folder} folder */
function countsOf({ photos, waiting, missing, refused }) {
  const parts = [ngettext("{n} photo", "{n} photos", photos)];
  if (waiting) parts.push(ngettext("{n} file to be read", "{n} files to be read", waiting));
  if (missing) parts.push(ngettext("{n} file missing", "{n} files missing", missing));
  if (refused) parts.push(ngettext("{n} file refused", "{n} files refused", refused));
  return parts;
}

/** @param {Folder} folder */
function lastScan({ scanned_at: moment, last_scan: scan }) {
  if (!moment || !scan) return [];
  const said = h("p", { class: "hint" }, _("Last scan: {moment}", { moment: formatDateTime(moment) }));
  if (!scan.problem_count) return [said];
  const problems = scan.problems.map(({ path, reason }) => h("li", {}, h("code", {}, path || "."), ` ${reason}`));
  const summary = ngettext(
    "{n} thing could not be looked at or read",
    "{n} things could not be looked at or read",
    scan.problem_count,
  );
  const rest = scan.problem_count - scan.problems.length;
  if (rest > 0) problems.push(h("li", {}, ngettext("and {n} more", "and {n} more", rest)));
  return [said, h("details", {}, h("summary", {}, summary), h("ul", { class: "plain" }, ...problems))];
}

/** @param {Folder} folder @param {() => Promise<unknown>} reload */
function buttons(folder, reload) {
  const path = { folder_id: folder.id };
  const ask = (/** @type {"scan"|"verify"} */ action) =>
    call("POST", `/folders/{folder_id}/${action}`, { path }).then(reload).catch(showError);
  const isBusy = folder.scan_requested || folder.verify_requested;
  const shown = [
    h("button", { class: "quiet", disabled: isBusy, onclick: () => ask("scan") }, _("Scan now")),
    h("button", { class: "quiet", disabled: isBusy, onclick: () => verifyDialog(() => ask("verify")) }, _("Verify…")),
    h("button", { class: "quiet", onclick: () => changeDialog(folder, reload) }, _("Change…")),
  ];
  if (folder.missing) {
    shown.push(h("button", { class: "quiet", onclick: () => forgetDialog(folder, reload) }, _("Forget missing…")));
  }
  return shown;
}

/** @param {() => unknown} verify */
function verifyDialog(verify) {
  const text = _(
    "Every file is read and compared with what it was. That takes as long as the disk takes to read them.",
  );
  confirmDialog(_("Verify the folder?"), h("p", {}, text), _("Verify"), verify);
}

/** @param {Folder} folder @param {() => Promise<unknown>} reload */
function changeDialog(folder, reload) {
  const fields = folderFields(folder);
  const save = () =>
    call("PATCH", "/folders/{folder_id}", { path: { folder_id: folder.id }, body: fields.values() })
      .then(reload)
      .catch(showError);
  confirmDialog(_("Change the folder"), fields.element, _("Save"), save);
}

/** @param {Folder} folder @param {() => Promise<unknown>} reload */
function forgetDialog({ id, missing }, reload) {
  const text = ngettext(
    "{n} file is taken for deleted, and its photo is removed for good with everything said about it.",
    "{n} files are taken for deleted, and their photos are removed for good with everything said about them.",
    missing,
  );
  const forget = async () => {
    const { files } = await call("POST", "/folders/{folder_id}/forget", { path: { folder_id: id } });
    toast(ngettext("{n} file is forgotten.", "{n} files are forgotten.", files));
    await reload();
  };
  const label = _("Forget them");
  confirmDialog(_("Forget missing files?"), h("p", {}, text), label, () => forget().catch(showError), "danger");
}
