import { type Holder, type Place, Share } from "./share.js";

interface Waiting {
  readonly holder: Holder;
  readonly begin: (place: Place) => void;
}

/**
 * Places that are waited for. Whoever holds the least gets the next one, first by tenant, then by actor, then in order of arrival; and
 * the last places are kept for who holds none ({@link Share}), so that a newcomer waits for nobody's crowd.
 */
export class Turns {
  readonly #share: Share;
  readonly #waiting = new Set<Waiting>();

  constructor(max: number) {
    this.#share = new Share(max);
  }

  /** A place, or undefined when there was none within `wait_max_ms`. */
  take(holder: Holder, wait_max_ms: number): Promise<Place | undefined> {
    const place = this.#share.take(holder);
    if (place.kind === "place") return Promise.resolve(this.#passedOn(place));
    return new Promise((resolve) => {
      const waiting: Waiting = {
        holder,
        begin: (given) => {
          clearTimeout(timer);
          resolve(given);
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        resolve(undefined);
      }, wait_max_ms);
      this.#waiting.add(waiting);
    });
  }

  /** A place that goes to whoever is next when it is given back. */
  #passedOn(place: Place): Place {
    return {
      kind: "place",
      give: () => {
        place.give();
        this.#serve();
      },
    };
  }

  #serve(): void {
    const inTurn = [...this.#waiting].sort((left, right) => this.#share.compare(left.holder, right.holder));
    for (const waiting of inTurn) {
      const place = this.#share.take(waiting.holder);
      if (place.kind !== "place") continue;
      this.#waiting.delete(waiting);
      waiting.begin(this.#passedOn(place));
    }
  }
}
