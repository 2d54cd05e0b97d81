import type { Principal } from "../../lab256/identity/authentication.js";
import { hashToken } from "../../lab256/identity/token-text.js";

/** The longest delay until a revoked token, a disabled actor or a lost office takes effect, in milliseconds. */
export const PRINCIPAL_MAX_AGE_MS = 2000;
export const PRINCIPALS_MAX_COUNT = 1000;
/** Parallel token lookups. Strangers can send any token, and the database must serve others too. */
const LOOK_UPS_MAX_COUNT = 64;

interface Entry {
  readonly principal: Promise<Principal | undefined>;
  readonly untilMs: number;
}

/**
 * Caches the actor of a token for two seconds, so that a burst of requests reads the database once. Keyed by the token's hash, bounded,
 * and only for valid tokens: an unknown one is looked up every time.
 */
export class PrincipalCache {
  private readonly entries = new Map<string, Entry>();
  private lookUps = 0;

  constructor(
    private readonly lookUp: (bearer: string, nowMs: number) => Promise<Principal | undefined>,
    private readonly now: () => number,
  ) {}

  /** Returns `busy` if too many lookups are running. */
  async findPrincipal(bearer: string): Promise<Principal | "busy" | undefined> {
    const key = hashToken(bearer);
    const now = this.now();
    const known = this.entries.get(key);
    if (known !== undefined && now < known.untilMs) return known.principal;
    if (this.lookUps >= LOOK_UPS_MAX_COUNT) return "busy";
    this.entries.delete(key);
    this.lookUps += 1;
    // Requests that arrive during the lookup share its result.
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
