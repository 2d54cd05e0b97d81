import { type Holder, type NoPlace, type Place, Share } from "./share.js";

interface Waiting {
  readonly holder: Holder;
  readonly begin: (place: Place) => void;
}

/** How long a tenant counts as active after a request, in milliseconds. */
const AT_WORK_MS = 10_000;

/**
 * Places with a queue. The next place goes to the tenant that holds the fewest, then to its actor that holds the fewest, then in order
 * of arrival. The last places are reserved for tenants that hold none ({@link Share}), so that a newcomer does not wait for a crowd. A
 * tenant that is alone may fill the rest. While another tenant is active, only half of the places are given beyond each tenant's first:
 * running acts share the processors, so a crowd with every place would slow its neighbour as much as a queue would.
 */
export class Turns {
  readonly #share: Share;
  readonly #waiting = new Set<Waiting>();
  /** The time of each tenant's last request, the oldest first. */
  readonly #asked = new Map<string, number>();
  readonly #now: () => number;

  constructor(max: number, now: () => number = () => performance.now()) {
    this.#share = new Share(max);
    this.#now = now;
  }

  /** Waits for a place; undefined if there is none within `waitMaxMs`. */
  take(holder: Holder, waitMaxMs: number): Promise<Place | undefined> {
    this.#asked.delete(holder.tenant_id);
    this.#asked.set(holder.tenant_id, this.#now());
    const place = this.#takeNow(holder);
    if (place.kind === "place") return Promise.resolve(this.#wrapPlace(place));
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
      }, waitMaxMs);
      this.#waiting.add(waiting);
    });
  }

  #takeNow(holder: Holder): Place | NoPlace {
    const { max } = this.#share;
    const isFirst = this.#share.hasNoPlaces(holder.tenant_id);
    return this.#share.take(holder, isFirst || !this.#isShared() ? max : Math.ceil(max / 2));
  }

  #isShared(): boolean {
    const since = this.#now() - AT_WORK_MS;
    for (const [tenantId, askedAtMs] of this.#asked) {
      if (askedAtMs >= since) break;
      this.#asked.delete(tenantId);
    }
    return this.#asked.size > 1;
  }

  /** Wraps a place so that its release serves the next waiter. */
  #wrapPlace(place: Place): Place {
    return {
      kind: "place",
      release: () => {
        place.release();
        this.#serveWaiting();
      },
    };
  }

  #serveWaiting(): void {
    const inTurn = [...this.#waiting].sort((left, right) => this.#share.compare(left.holder, right.holder));
    for (const waiting of inTurn) {
      const place = this.#takeNow(waiting.holder);
      if (place.kind !== "place") continue;
      this.#waiting.delete(waiting);
      waiting.begin(this.#wrapPlace(place));
    }
  }
}
