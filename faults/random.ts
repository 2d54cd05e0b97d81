/** Numbers that a seed determines (mulberry32): the same seed makes the same campaign's choices. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to, not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from `low` to `high`, both included. */
  drawBetween(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick<T>(choices: readonly T[]): T {
    const chosen = choices[Math.floor(this.next() * choices.length)];
    if (chosen === undefined) throw new RangeError("There is nothing to pick from.");
    return chosen;
  }

  drawChance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Another sequence, which does not depend on how many numbers this one still gives. */
  fork(): Random {
    return new Random(Math.floor(this.next() * 4_294_967_296));
  }
}
