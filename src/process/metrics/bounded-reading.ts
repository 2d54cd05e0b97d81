/** What a reading may cost: asked at most every `every_ms`, waited for at most `max_ms`. */
export interface ReadingBounds {
  readonly everyMs: number;
  readonly maxMs: number;
}

/**
 * A reading that scrapes take, however many come: they share one question to whoever is asked. Undefined where there is no answer in
 * time, so that a neighbour that hangs keeps no metric but its own away.
 */
export function createBoundedReading<T>(read: () => Promise<T>, { everyMs, maxMs }: ReadingBounds): () => Promise<T | undefined> {
  let asked: { readonly answer: Promise<T | undefined>; readonly untilMs: number } | undefined;
  return () => {
    const now = performance.now();
    if (asked === undefined || now >= asked.untilMs) asked = { answer: waitForReading(read, maxMs), untilMs: now + everyMs };
    return asked.answer;
  };
}

function waitForReading<T>(read: () => Promise<T>, maxMs: number): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), maxMs);
    const resolveReading = (value: T | undefined): void => {
      clearTimeout(timer);
      resolve(value);
    };
    // That there is no answer is what the gauge says, by being absent; `ogr_dependency_up` says who is away.
    read().then(resolveReading, () => resolveReading(undefined));
  });
}
