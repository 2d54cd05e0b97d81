/** The holder of a place. */
export interface Holder {
  readonly tenant_id: string;
  readonly actor_id: string;
}

/** A taken place; releasing it twice changes nothing. */
export interface Place {
  readonly kind: "place";
  release(): void;
}

/** `full`: no place is free. `share`: this tenant or actor has used its share, and others still get places. */
export type NoPlace = { readonly kind: "full" | "share" };

/**
 * A tenant may hold three times the free places, and one of its actors three times the rest of the tenant's share. So a single tenant gets
 * three quarters of all places and a single actor nine thirteenths; two tenants get three sevenths each (dynamic thresholds, Choudhury and
 * Hahne 1998). The last free place is reserved for a tenant that holds none.
 */
const TIMES_FREE = 3;

interface HeldPlaces {
  count: number;
  readonly actors: Map<string, number>;
}

/** A fixed number of places that tenants and their actors share. No tenant needs a setting. */
export class Share {
  #held = 0;
  readonly #tenants = new Map<string, HeldPlaces>();

  constructor(readonly max: number) {}

  /** The number of taken places. */
  get held(): number {
    return this.#held;
  }

  /** Takes a place among the first `of` places. */
  take(holder: Holder, of: number = this.max): Place | NoPlace {
    const refusal = this.checkPlace(holder, of);
    if (refusal !== undefined) return refusal;
    this.#add(holder, 1);
    let isHeld = true;
    const release = (): void => {
      if (isHeld) this.#add(holder, -1);
      isHeld = false;
    };
    return { kind: "place", release };
  }

  /** Returns why this holder gets no place now; undefined if it gets one. */
  checkPlace({ tenant_id, actor_id }: Holder, of: number = this.max): NoPlace | undefined {
    const free = of - this.#held;
    if (free <= 0) return { kind: "full" };
    const tenant = this.#tenants.get(tenant_id);
    if (free === 1 && tenant !== undefined) return { kind: "share" };
    const room = TIMES_FREE * free - (tenant?.count ?? 0);
    return (tenant?.actors.get(actor_id) ?? 0) < TIMES_FREE * room ? undefined : { kind: "share" };
  }

  hasNoPlaces(tenantId: string): boolean {
    return !this.#tenants.has(tenantId);
  }

  /** Below zero when `left` holds less than `right`: by tenant, then by actor. */
  compare(left: Holder, right: Holder): number {
    const [a, b] = [this.#tenants.get(left.tenant_id), this.#tenants.get(right.tenant_id)];
    return (a?.count ?? 0) - (b?.count ?? 0) || (a?.actors.get(left.actor_id) ?? 0) - (b?.actors.get(right.actor_id) ?? 0);
  }

  /** Forgets holders without a place, so that ids use no memory. */
  #add({ tenant_id, actor_id }: Holder, by: 1 | -1): void {
    this.#held += by;
    const tenant = this.#tenants.get(tenant_id) ?? { count: 0, actors: new Map() };
    tenant.count += by;
    const own = (tenant.actors.get(actor_id) ?? 0) + by;
    if (own === 0) tenant.actors.delete(actor_id);
    else tenant.actors.set(actor_id, own);
    if (tenant.count === 0) this.#tenants.delete(tenant_id);
    else this.#tenants.set(tenant_id, tenant);
  }
}
