/** Lets callers of one process take turns, key by key, so that they do not contend for a lock against each other. */
export interface KeyTurns {
  take<T>(key: string, act: () => Promise<T>): Promise<T>;
}

export function createKeyTurns(): KeyTurns {
  const last = new Map<string, Promise<void>>();
  return {
    async take(key, act) {
      const before = last.get(key);
      let finishTurn = (): void => undefined;
      const mine = new Promise<void>((resolve) => {
        finishTurn = resolve;
      });
      last.set(key, mine);
      await before;
      try {
        return await act();
      } finally {
        finishTurn();
        if (last.get(key) === mine) last.delete(key);
      }
    },
  };
}
