// Ask until the server answers: a lost connection, or a server that is away, is waited for.

import { ApiError } from "../lib/api.js";

const FIRST_MS = 1000;
const LONGEST_MS = 30000;

export class Connection {
  /** @param {(away: boolean) => void} changed the server went away, or came back */
  constructor(changed) {
    this.changed = changed;
    this.away = 0; // asks in a row that nobody answered
  }

  /**
   * The answer, or what the server refuses with (an ApiError below 500); nothing else ends it but `signal`.
   * @template T @param {() => Promise<T>} ask @param {AbortSignal} signal @returns {Promise<T>}
   */
  async insist(ask, signal) {
    for (;;) {
      signal.throwIfAborted();
      try {
        const answer = await ask();
        this.note(false);
        return answer;
      } catch (error) {
        if (signal.aborted) throw error;
        const refused = error instanceof ApiError && error.status < 500 && error.status !== 429;
        if (refused) { this.note(false); throw error; }
        this.note(true);
        await this.pause(signal);
      }
    }
  }

  /** @param {boolean} away */
  note(away) {
    const before = this.away > 0;
    this.away = away ? this.away + 1 : 0;
    if (before !== away) this.changed(away);
  }

  /** Longer each time, but no longer than until the network is back. @param {AbortSignal} signal */
  pause(signal) {
    const milliseconds = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.away - 1, 5)) * (0.75 + Math.random() / 2);
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        removeEventListener("online", end);
        signal.removeEventListener("abort", end);
        resolve(undefined);
      };
      const timer = setTimeout(end, milliseconds);
      addEventListener("online", end);
      signal.addEventListener("abort", end);
    });
  }
}
