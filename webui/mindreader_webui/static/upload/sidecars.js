// Files that lie beside photos: what programs, phones and Google Takeout say of them, and what systems leave there. None
// of them is a photo. The same as library/files/sidecars.py: a test holds both to one table.

const SUFFIXES = new Set([".xmp", ".json", ".aae", ".pp3", ".dop", ".thm", ".vrd", ".nksc"]);
const NAMES = new Set(["thumbs.db", "ehthumbs.db", "desktop.ini", "picasa.ini", "zbthumbnail.info"]);
const APPLE_DOUBLE = "._";
const TAIL = ".supplemental-metadata";
const LONGEST = 46; // characters of a name that Takeout leaves before its number and `.json`
const CUT = 51; // characters of a photo's name that it leaves, with the suffix
const EDITED =
  /-(edited|effects|smile|mix|bearbeitet|modifi[ée]|editado|ha editado|editat|modificato|bewerkt|edytowane|redigert|redigeret|redigerad|編集済み)(?=(\(\d+\))?$)/iu;
const CUT_EDITED = /-[\p{L}_]{0,9}(?=(\(\d+\))?$)/u; // what is left of such an ending where the name was too long for it
const NUMBER = /\(\d+\)$/;

/** @param {string} name @returns {[string, string]} what is before its suffix, and that with its dot */
function split(name) {
  const dot = name.lastIndexOf(".");
  return dot > 0 && dot < name.length - 1 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
}

/** @param {string} name */
const suffixOf = (name) => split(name)[1].toLowerCase();

/** Whether a file of this name only goes with photos: hidden ones, those of systems, what says something of them. @param {string} name */
export const goesWithPhotos = (name) =>
  name.startsWith(".") || NAMES.has(name.toLowerCase()) || SUFFIXES.has(suffixOf(name));

/** What to call such a file where many are counted. @param {string} name */
export function kindOf(name) {
  if (name.startsWith(APPLE_DOUBLE)) return `${APPLE_DOUBLE}*`;
  const suffix = suffixOf(name);
  return name.startsWith(".") || !SUFFIXES.has(suffix) ? name : suffix;
}

/** Names of the XMP file beside a photo, the surest first. @param {string} photo */
export const xmpNames = (photo) => [`${photo}.xmp`, `${split(photo)[0]}.xmp`];

/**
 * Names that Takeout may have given the JSON file beside a photo, the surest first. It cuts what is before the number and
 * the end: `long name.jpg.supplemental-me(1).json`.
 *
 * @param {string} photo
 * @returns {string[]}
 */
export function takeoutNames(photo) {
  const [stem, suffix] = split(photo);
  const isCut = (stem.replace(NUMBER, "") + suffix).length === CUT;
  const original = stem.replace(isCut ? CUT_EDITED : EDITED, "");
  const ofOriginal = original === stem ? [] : takeoutNames(original + suffix);
  return [`${photo}.json`, `${photo.slice(0, LONGEST)}.json`, ...numbered(stem, suffix), ...ofOriginal];
}

/** @param {string} stem @param {string} suffix */
function numbered(stem, suffix) {
  const number = stem.match(NUMBER)?.[0] ?? "";
  const whole = stem.slice(0, stem.length - number.length) + suffix;
  const names = Array.from({ length: TAIL.length + 1 }, (_, cut) => whole + TAIL.slice(0, TAIL.length - cut));
  names.push(whole.slice(0, LONGEST));
  const shared = number && whole.length > LONGEST ? [`${whole.slice(0, LONGEST)}.json`] : []; // by files of one name
  return [...names.map((name) => `${name}${number}.json`), ...shared];
}
