// The page Models: bring in a bundle, see what it costs, build, switch, go back.

import { askToLearn, isOngoing, learningEntry } from "../components/learning.js";
import { costSentence, modelEntry, totalPhotos, waitingPhotos } from "../components/model_entry.js";
import { call, get } from "../lib/api.js";
import { byId, confirmDialog, h, messageOf, poll, setDisabled, showError, toast } from "../lib/dom.js";
import { formatBytes } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";
import { redraw } from "../lib/redraw.js";

/** @import { Learning } from "../../../typings/api" */
/** @import { Addable, Entry } from "../components/model_entry.js" */

const POLL_MS = 2000;

async function load() {
  const [{ models }, { spaces }, { jobs }, learning] = await Promise.all([
    get("/models"),
    get("/spaces"),
    get("/jobs"),
    get("/models/learn"),
  ]);
  showLearning(learning);
  const active = models.find((model) => model.active);
  const entries = models.flatMap((model) => {
    const space = spaces.find(({ id }) => id === model.space_id);
    const job = jobs.find(({ space_id: id }) => id === model.space_id); // the newest come first
    return space ? [modelEntry({ model, space, job, active }, { activate, addRegions, build, dropSpace, remove })] : [];
  });
  redraw(byId("models"), ...entries);
}

/** @param {Learning} learning */
function showLearning(learning) {
  const entry = learningEntry(learning, load);
  byId("learning").hidden = !entry.length;
  redraw(byId("learning"), ...entry);
  byId("learn").onclick = () => askToLearn(learning, learn);
  const isLearning = isOngoing(learning.training);
  setDisabled(isLearning || learning.hindrance !== null, "learn");
  byId("hindrance").textContent = learning.hindrance;
  byId("hindrance").hidden = isLearning || learning.hindrance === null;
}

const learn = () =>
  act(call("POST", "/models/learn", {}), _("This library is being learned. Searches go on as before."));

/** @param {Promise<unknown>} request @param {string} sentence for when it is done */
async function act(request, sentence) {
  try {
    await request;
    toast(sentence);
    await load();
  } catch (error) {
    showError(error);
  }
}

/** @param {Entry} entry */
function build({ space }) {
  const request = call("POST", "/spaces/{space_id}/build", { path: { space_id: space.id } });
  return act(request, _("The photos are being embedded. Searches go on as before."));
}

/** @param {Entry} entry */
function activate({ model, space }) {
  const missing = waitingPhotos(space);
  const go = () => {
    const options = { path: { model_version_id: model.id }, query: { incomplete: missing > 0 } };
    const request = call("POST", "/models/{model_version_id}/activate", options);
    return act(request, _("{name} answers searches now.", { name: model.name }));
  };
  if (!missing) return go();
  const text = ngettext(
    "{missing} of {n} photo is not embedded for it yet and will not be found until it is.",
    "{missing} of {n} photos are not embedded for it yet and will not be found until they are.",
    totalPhotos(space),
    { missing },
  );
  const title = _("Switch to {name} already?", { name: model.name });
  return confirmDialog(title, h("p", {}, text), _("Switch anyway"), go, "danger");
}

/** @param {Entry} entry */
function dropSpace({ model, space }) {
  const text = ngettext(
    "{n} embedded photo is forgotten. The version stays, and can be built again.",
    "{n} embedded photos are forgotten. The version stays, and can be built again.",
    space.counts.indexed,
  );
  const drop = () =>
    act(call("DELETE", "/spaces/{space_id}", { path: { space_id: space.id } }), _("The index is being removed."));
  const title = _("Free the index of {name}?", { name: model.name });
  confirmDialog(title, h("p", {}, text), _("Free it"), drop, "danger");
}

/** @param {Entry} entry */
function remove({ model }) {
  const text = _("Its files are deleted, and its index too if no other version uses it. Photos are not touched.");
  const go = () =>
    act(call("DELETE", "/models/{model_version_id}", { path: { model_version_id: model.id } }), _("Removed."));
  confirmDialog(_("Remove {name}?", { name: model.name }), h("p", {}, text), _("Remove"), go, "danger");
}

/** @param {Entry} entry @param {Addable} addable */
function addRegions({ model }, { regions, precision, cost }) {
  const { name } = model;
  const gives = _(
    "Photos are embedded as a whole and in parts, so that what is small in them is found, and the place is framed. It becomes a version beside this one, to be built, compared and switched to as any other.",
  );
  const quicker = _(
    "In int8 the photo encoder computes with numbers of 8 bits: more than twice as fast on processors without bfloat16, for results that are all but the same. OpenVINO alone does that, on processors, so no worker with a GPU can embed for it.",
  );
  const content = h(
    "div",
    {},
    h("p", {}, gives),
    ...(precision === "int8" ? [h("p", {}, quicker)] : []),
    h("p", {}, costSentence(cost)),
  );
  const path = { model_version_id: model.id };
  const go = () =>
    act(
      call("POST", "/models/{model_version_id}/regions", { path, body: { regions } }),
      _("{name} with regions is there, and nothing is embedded for it yet: build it.", { name }),
    );
  const question = precision === "int8" ? _("Add {name} in int8?", { name }) : _("Add {name} with regions?", { name });
  confirmDialog(question, content, _("Add"), go);
}

/** @param {File} file */
async function upload(file) {
  const form = new FormData();
  form.append("bundle", file);
  const progress = byId("progress");
  progress.hidden = false;
  const values = { name: file.name, size: formatBytes(file.size) };
  progress.textContent = _("Sending and trying {name} ({size})…", values);
  try {
    const model = await call("POST", "/models", { body: form });
    progress.textContent = _("{name} works here. It does not answer searches yet.", { name: model.name });
    await load();
  } catch (error) {
    progress.textContent = _("{name} was not taken: {reason}", { name: file.name, reason: messageOf(error) });
  }
}

const bundle = byId("bundle", HTMLInputElement);
bundle.onchange = async () => {
  const file = bundle.files?.[0];
  if (!file) return;
  setDisabled(true, "bundle");
  await upload(file);
  bundle.value = "";
  setDisabled(false, "bundle");
};
setDisabled(false, "bundle");
poll(load, POLL_MS).catch(showError);
