/**
 * Runs tasks one after the other, in the order in which they were asked for. A message that is being verified keeps the next one
 * waiting, so no two ever judge the same state.
 */
export class Exclusive {
  private last: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.last.then(task);
    this.last = result.catch(() => undefined);
    return result;
  }
}
