/** Runs the calls of one process one after another for each key, so that they do not contend for a lock with each other. */
export interface KeyQueues {
  run<T>(key: string, act: () => Promise<T>): Promise<T>;
}

export function createKeyQueues(): KeyQueues {
  const last = new Map<string, Promise<unknown>>();
  return {
    async run(key, act) {
      // A failure of the previous call is reported to its own caller.
      const result = (last.get(key) ?? Promise.resolve()).then(act, act);
      last.set(key, result);
      try {
        return await result;
      } finally {
        if (last.get(key) === result) last.delete(key);
      }
    },
  };
}
