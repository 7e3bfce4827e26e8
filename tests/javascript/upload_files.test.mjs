// What is taken of folders as cameras, phones and network drives leave them, chosen or dropped.

import assert from "node:assert/strict";
import { test } from "node:test";
import "./support/browser.mjs";

const { chosenFiles, droppedFiles } = await import("../../webui/mindreader_webui/static/upload/files.js");

const SKIPPED = [".*", "@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found", "*.lrdata", "[Originals]"];

const at = (path) => {
  const file = new File(["photo"], path.split("/").at(-1));
  Object.defineProperty(file, "webkitRelativePath", { value: path.includes("/") ? path : "" });
  return file;
};
const paths = ({ files }) => files.map(({ path }) => path);
const taken = ({ files }) => files.map(({ file, folder }) => [folder, file.name]);

test("files come with the folder they lie in", () => {
  const found = chosenFiles([at("loose.jpg"), at("Photos/a.jpg"), at("Photos/2020/b.jpg")], SKIPPED);
  assert.deepEqual(taken(found), [
    ["", "loose.jpg"],
    ["Photos", "a.jpg"],
    ["2020", "b.jpg"],
  ]);
  assert.deepEqual([found.refused, found.skippedFolders], [[], []]);
});

const TREE = ["é.jpg", "b.jpg", "a/z.jpg", "a/b/y.jpg", "a b/x.jpg", "a!.jpg", "B/w.jpg", "a/b.jpg"];
const AS_THE_COMMAND_WALKS = ["a!.jpg", "b.jpg", "é.jpg", "B/w.jpg", "a/b.jpg", "a/z.jpg", "a/b/y.jpg", "a b/x.jpg"];

test("files come in the order of the command line, by their paths, whatever order the browser has", async () => {
  const expected = AS_THE_COMMAND_WALKS.map((path) => `Photos/${path}`);
  const files = TREE.map((path) => at(`Photos/${path}`));
  assert.deepEqual(paths(chosenFiles(files, SKIPPED)), expected);
  assert.deepEqual(paths(chosenFiles(files.reverse(), SKIPPED)), expected);
  const entries = TREE.map((path) => fileEntry(`/Photos/${path}`));
  assert.deepEqual(paths(await drop(folderEntry("/Photos", entries))), expected);
});

test("a backslash in a name makes no folder, though browsers show it as one", () => {
  const file = new File(["photo"], "back\\slash.jpg");
  Object.defineProperty(file, "webkitRelativePath", { value: "Photos/2020/back/slash.jpg" });
  const found = chosenFiles([file], SKIPPED);
  assert.deepEqual([taken(found), paths(found)], [[["2020", "back\\slash.jpg"]], ["Photos/2020/back\\slash.jpg"]]);
});

test("a file chosen alone has its name for a path", () => {
  assert.deepEqual(paths(chosenFiles([at("b.jpg"), at("a.jpg")], SKIPPED)), ["a.jpg", "b.jpg"]);
});

test("system and hidden folders are passed over, at any depth, and named once", () => {
  const names = [
    "@eaDir",
    "@EADIR",
    ".thumbnails",
    "#recycle",
    "$RECYCLE.BIN",
    "lost+found",
    "x.lrdata",
    "[Originals]",
  ];
  const files = names.flatMap((name) => [at(`Photos/2020/${name}/a.jpg`), at(`Photos/2020/${name}/b.jpg/c.jpg`)]);
  const found = chosenFiles([...files, at("Photos/2020/a.jpg")], SKIPPED);
  assert.deepEqual(taken(found), [["2020", "a.jpg"]]);
  assert.deepEqual(
    found.skippedFolders,
    names.map((name) => `Photos/2020/${name}`),
  );
});

test("folders whose names are only like those are taken", () => {
  const names = ["eaDir", "recycle", "lost+founds", "lostfound", "O", "a.lrdata.b"];
  const found = chosenFiles(
    names.map((name) => at(`Photos/${name}/a.jpg`)),
    SKIPPED,
  );
  assert.deepEqual(
    taken(found).map(([folder]) => folder),
    names.sort(),
  );
});

test("the folder that was chosen is taken whatever its name is", () => {
  assert.equal(chosenFiles([at("@eaDir/a.jpg")], SKIPPED).files.length, 1);
});

test("hidden files and those of systems are passed over", () => {
  const names = ["._a.jpg", ".DS_Store", "Thumbs.db", "desktop.ini", "a.jpg"];
  assert.deepEqual(
    taken(
      chosenFiles(
        names.map((name) => at(name)),
        SKIPPED,
      ),
    ),
    [["", "a.jpg"]],
  );
});

test("names of folders are made fit to be categories", () => {
  const folders = ["new\nline", "turned\u202egpj", "x".repeat(250)];
  const found = chosenFiles(
    folders.map((name) => at(`Photos/${name}/a.jpg`)),
    SKIPPED,
  );
  assert.deepEqual(
    taken(found).map(([folder]) => folder),
    ["newline", "turnedgpj", "x".repeat(200)],
  );
});

const broken = () => {
  throw new Error("NotReadableError");
};
const fileEntry = (path, content) => ({
  name: path.split("/").at(-1),
  fullPath: path,
  isFile: true,
  isDirectory: false,
  file: (resolve, reject) => (content === broken ? reject(new Error("NotFoundError")) : resolve(at(path.slice(1)))),
});
const folderEntry = (path, children) => ({
  name: path.split("/").at(-1),
  fullPath: path,
  isFile: false,
  isDirectory: true,
  createReader: () => {
    const left = children === broken ? null : [children, []];
    return { readEntries: (resolve, reject) => (left ? resolve(left.shift()) : reject(new Error("NotReadable"))) };
  },
});
const drop = (...entries) =>
  droppedFiles({ items: entries.map((entry) => ({ webkitGetAsEntry: () => entry })) }, Promise.resolve(SKIPPED));

test("one file or folder of a drop that cannot be read is named, and the rest is taken", async () => {
  const inside = [
    fileEntry("/Photos/gone.jpg", broken),
    fileEntry("/Photos/a.jpg"),
    folderEntry("/Photos/locked", broken),
  ];
  const found = await drop(folderEntry("/Photos", inside), fileEntry("/b.jpg"), null);
  assert.deepEqual(taken(found), [
    ["", "b.jpg"],
    ["Photos", "a.jpg"],
  ]);
  assert.deepEqual(found.refused, [
    { name: "Photos/gone.jpg", reason: "This file cannot be read." },
    { name: "Photos/locked", reason: "This folder cannot be read." },
  ]);
});

const namesBeside = ({ files }) => files.map(({ file, xmp, takeout }) => [file.name, xmp?.name, takeout?.name]);
const TAKEOUT = [
  "2020/a.jpg",
  "2020/a.XMP",
  "2020/a.jpg.supplemental-meta.json",
  "2020/b.jpg",
  "2021/b.xmp",
  "2020/.b.xmp",
];
const BESIDE = [
  ["a.jpg", "a.XMP", "a.jpg.supplemental-meta.json"],
  ["b.jpg", undefined, undefined],
];

test("what lies beside a photo in its folder comes with it, and is counted, not sent", () => {
  const found = chosenFiles(
    TAKEOUT.map((path) => at(`Photos/${path}`)),
    SKIPPED,
  );
  assert.deepEqual(namesBeside(found), BESIDE);
  assert.deepEqual(found.companions, ["a.XMP", "a.jpg.supplemental-meta.json", "b.xmp", ".b.xmp"]);
  assert.deepEqual(found.refused, []);
});

test("also in a drop, whatever comes first", async () => {
  const inside = (folder) =>
    TAKEOUT.filter((path) => path.startsWith(folder)).map((path) => fileEntry(`/Photos/${path}`));
  const folders = ["2021", "2020"].map((name) => folderEntry(`/Photos/${name}`, inside(name).reverse()));
  const found = await drop(folderEntry("/Photos", [...folders, fileEntry("/Photos/Thumbs.db", broken)]));
  assert.deepEqual(namesBeside(found), BESIDE);
  assert.deepEqual(found.refused, []);
});

test("and of files chosen without a folder", () => {
  assert.deepEqual(namesBeside(chosenFiles([at("a.jpg.json"), at("a.jpg")], SKIPPED)), [
    ["a.jpg", undefined, "a.jpg.json"],
  ]);
});

test("system folders in a drop are passed over; one dropped alone is wanted", async () => {
  const system = (path) => folderEntry(path, [fileEntry(`${path}/a.jpg`)]);
  const found = await drop(system("/@eaDir"), folderEntry("/Photos", [system("/Photos/#recycle")]));
  assert.deepEqual(taken(found), []);
  assert.deepEqual(found.skippedFolders, ["@eaDir", "Photos/#recycle"]);
  assert.equal((await drop(system("/@eaDir"))).files.length, 1);
});
