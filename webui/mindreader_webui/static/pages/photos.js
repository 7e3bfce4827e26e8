// The page Photos: all photos a person may see, by date.

import { PhotoList } from "../components/photo_list.js";
import { get } from "../lib/api.js";
import { byId, showError } from "../lib/dom.js";
import { ngettext } from "../lib/i18n.js";

const list = new PhotoList(null, { buttons: () => [], onedit: () => offer().catch(showError), onload });

function onload() {
  const { length } = list.grid.photos;
  byId("counts").textContent = ngettext("{n} photo", "{n} photos", length);
  byId("empty").hidden = length > 0 || list.filters.active > 0;
  byId("end").hidden = !byId("empty").hidden;
}

async function offer() {
  const { collections } = await get("/collections");
  list.filters.offer(collections);
}

list.start();
offer().catch(showError);
