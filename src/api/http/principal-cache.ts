import type { Principal } from "../../lab256/identity/authentication.js";
import { hashToken } from "../../lab256/identity/token-text.js";

/** A revoked token, a disabled actor and a lost office are noticed at most this much later, in milliseconds. */
export const PRINCIPAL_MAX_AGE_MS = 2000;
export const PRINCIPALS_MAX_COUNT = 1000;
/** Tokens being looked up at the same time; strangers may send what they like, and the database answers others too. */
const LOOK_UPS_MAX_COUNT = 64;

interface Entry {
  readonly principal: Promise<Principal | undefined>;
  readonly untilMs: number;
}

/**
 * Remembers for two seconds who a token is, so that a burst of requests asks the database once. Keyed by the token's hash, bounded, and
 * only for tokens that are good: an unknown one is looked up every time.
 */
export class PrincipalCache {
  private readonly entries = new Map<string, Entry>();
  private lookUps = 0;

  constructor(
    private readonly lookUp: (bearer: string, nowMs: number) => Promise<Principal | undefined>,
    private readonly now: () => number,
  ) {}

  /** `busy` when too many tokens are being looked up to look up this one as well. */
  async findPrincipal(bearer: string): Promise<Principal | "busy" | undefined> {
    const key = hashToken(bearer);
    const now = this.now();
    const known = this.entries.get(key);
    if (known !== undefined && now < known.untilMs) return known.principal;
    if (this.lookUps >= LOOK_UPS_MAX_COUNT) return "busy";
    this.entries.delete(key);
    this.lookUps += 1;
    // Requests that come while the first one asks wait for its answer.
    const entry = { principal: this.lookUp(bearer, now), untilMs: now + PRINCIPAL_MAX_AGE_MS };
    this.entries.set(key, entry);
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= PRINCIPALS_MAX_COUNT) break;
      this.entries.delete(oldest);
    }
    try {
      const principal = await entry.principal;
      if (principal === undefined) this.forget(key, entry);
      return principal;
    } catch (error) {
      this.forget(key, entry);
      throw error;
    } finally {
      this.lookUps -= 1;
    }
  }

  private forget(key: string, entry: Entry): void {
    if (this.entries.get(key) === entry) this.entries.delete(key);
  }
}
