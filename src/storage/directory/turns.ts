/** Lets callers of one process take turns, key by key, so that they do not contend for a lock against each other. */
export interface KeyTurns {
  take<T>(key: string, act: () => Promise<T>): Promise<T>;
}

export function createKeyTurns(): KeyTurns {
  const last = new Map<string, Promise<unknown>>();
  return {
    async take(key, act) {
      // A failure of the turn before is reported to its own caller.
      const turn = (last.get(key) ?? Promise.resolve()).then(act, act);
      last.set(key, turn);
      try {
        return await turn;
      } finally {
        if (last.get(key) === turn) last.delete(key);
      }
    },
  };
}
