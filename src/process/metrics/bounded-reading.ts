/** What a reading may cost: asked at most every `every_ms`, waited for at most `max_ms`. */
export interface ReadingBounds {
  readonly every_ms: number;
  readonly max_ms: number;
}

/**
 * A reading that scrapes take, however many come: they share one question to whoever is asked. Undefined where there is no answer in
 * time, so that a neighbour that hangs keeps no metric but its own away.
 */
export function boundedReading<T>(read: () => Promise<T>, { every_ms, max_ms }: ReadingBounds): () => Promise<T | undefined> {
  let asked: { readonly answer: Promise<T | undefined>; readonly until_ms: number } | undefined;
  return () => {
    const now = performance.now();
    if (asked === undefined || now >= asked.until_ms) asked = { answer: inTime(read, max_ms), until_ms: now + every_ms };
    return asked.answer;
  };
}

function inTime<T>(read: () => Promise<T>, max_ms: number): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), max_ms);
    const settle = (value: T | undefined): void => {
      clearTimeout(timer);
      resolve(value);
    };
    // That there is no answer is what the gauge says, by being absent; `ogr_dependency_up` says who is away.
    read().then(settle, () => settle(undefined));
  });
}
