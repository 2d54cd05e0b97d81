/** Lets callers of one process take turns, key by key, so that they do not contend for a lock against each other. */
export interface Turns {
  take<T>(key: string, act: () => Promise<T>): Promise<T>;
}

export function openTurns(): Turns {
  const last = new Map<string, Promise<void>>();
  return {
    async take(key, act) {
      const before = last.get(key);
      let done = (): void => undefined;
      const mine = new Promise<void>((resolve) => {
        done = resolve;
      });
      last.set(key, mine);
      await before;
      try {
        return await act();
      } finally {
        done();
        if (last.get(key) === mine) {
          last.delete(key);
        }
      }
    },
  };
}
