/** Runs the calls of one process one after another for each key, so that they do not contend for a lock with each other. */
export class KeyQueues {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, act: () => Promise<T>): Promise<T> {
    // A failure of the previous call is reported to its own caller.
    const result = (this.#last.get(key) ?? Promise.resolve()).then(act, act);
    this.#last.set(key, result);
    try {
      return await result;
    } finally {
      if (this.#last.get(key) === result) this.#last.delete(key);
    }
  }
}
