// What sw.js needs of a service worker's global scope; TypeScript's own "webworker" library excludes "dom".

interface ExtendableEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

interface Events {
  install: ExtendableEvent;
  activate: ExtendableEvent;
  fetch: FetchEvent;
}

export interface ServiceWorkerScope {
  addEventListener<K extends keyof Events>(type: K, listener: (event: Events[K]) => void): void;
  skipWaiting(): Promise<void>;
}
