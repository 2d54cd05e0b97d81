/**
 * Returns a function that all scrapes share: it reads at most every `everyMs`, and waits at most `maxMs`. Its result is undefined without
 * an answer in time, so a server that hangs removes only its own metric.
 */
export function createBoundedReading<T>(
  read: () => Promise<T>,
  { everyMs, maxMs }: { readonly everyMs: number; readonly maxMs: number },
): () => Promise<T | undefined> {
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
    // The gauge is then absent, and `ogr_dependency_up` names the missing server.
    read().then(resolveReading, () => resolveReading(undefined));
  });
}
