// When a photo was taken, and who says so.

import { formatTaken } from "../lib/format.js";
import { _ } from "../lib/i18n.js";

/** @import { Photo } from "../../../typings/api" */

/** @type {Record<NonNullable<Photo["date_source"]>, (date: string) => string>} */
const TAKEN = {
  person: (date) => _("taken {date}, as a person said", { date }),
  exif: (date) => _("taken {date}", { date }),
  digitized: (date) => _("taken or scanned {date}", { date }),
  xmp: (date) => _("taken {date}, from its XMP data", { date }),
  iptc: (date) => _("taken {date}, from its IPTC data", { date }),
  sidecar: (date) => _("taken {date}, from the XMP file beside it", { date }),
  takeout: (date) => _("taken {date}, from Google Takeout", { date }),
  library: (date) => _("taken {date}, from the library it came from", { date }),
  name: (date) => _("taken {date}, from its name", { date }),
  modified: (date) => _("perhaps taken {date}: a guess from when it was last changed", { date }),
  file: (date) => _("perhaps taken {date}: a guess from the file’s time", { date }),
  none: () => _("date unknown"),
};

/** Whether its date is only when the file or the picture was written last. @param {Pick<Photo, "date_source">} photo */
export const isGuess = ({ date_source: source }) => source === "modified" || source === "file";

/** When it was taken, and who says so. @param {Pick<Photo, "taken_at"|"date_source">} photo */
export function takenSentence({ taken_at: moment, date_source: source }) {
  return moment ? TAKEN[source ?? "exif"](formatTaken(moment)) : _("date unknown");
}
