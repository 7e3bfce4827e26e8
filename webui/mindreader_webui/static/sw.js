// The service worker: pages come from the server, always; without a connection comes a page that says so. Pictures that
// another app shares (manifest.webmanifest: share_target) stay in this browser until the page Share is told what to do.

/** @import { ServiceWorkerScope } from "../../typings/service_worker" */

const CACHE = "mindreader-shell-2";
const SHARED = "mindreader-shared"; // as in lib/shared_files.js
const CACHED = ["/offline", "/static/style.css", "/static/theme.js", "/static/icon.svg"];
const worker = /** @type {ServiceWorkerScope} */ (/** @type {unknown} */ (self));

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(removeOldCaches()));
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "POST" && new URL(request.url).pathname === "/share-target")
    event.respondWith(takeIn(request));
  else if (request.mode === "navigate") event.respondWith(fetch(request).catch(() => cached("/offline")));
  else if (CACHED.includes(new URL(request.url).pathname)) {
    event.respondWith(fetch(request).catch(() => cached(request)));
  }
});

async function install() {
  const cache = await caches.open(CACHE);
  await cache.addAll(CACHED);
  await worker.skipWaiting();
}

async function removeOldCaches() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== CACHE && name !== SHARED).map((name) => caches.delete(name)));
}

/** Nothing of it is sent: the post of another app carries no token of ours. @param {Request} request */
async function takeIn(request) {
  const files = (await request.formData()).getAll("photos").filter((each) => each instanceof File);
  await caches.delete(SHARED); // what was shared before and never used
  const cache = await caches.open(SHARED);
  await Promise.all(files.map((file, number) => cache.put(`/share-target/${number}`, keptFile(file))));
  return Response.redirect("/share", 303);
}

/** @param {File} file */
function keptFile(file) {
  const about = { "Content-Type": file.type, "X-Name": encodeURIComponent(file.name), "X-Shared-At": `${Date.now()}` };
  return new Response(file, { headers: about });
}

/** @param {RequestInfo} request */
const cached = async (request) => (await caches.match(request, { ignoreSearch: true })) ?? Response.error();
