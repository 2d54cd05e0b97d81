import type { PublicJwk } from "../../domain/bytes/signature.js";
import type { KeyUse } from "../../domain/charter/keys.js";
import type { RecordWrite } from "../../domain/charter/records.js";

/** What a key of Ed25519 is for. */
export type SigningUse = Exclude<KeyUse, "evidence">;

interface KeyLife {
  readonly use: SigningUse;
  readonly jwk: PublicJwk;
  /** The first version in which the key is valid. */
  readonly since: number;
  /** The version that revoked it. */
  readonly revoked?: number | undefined;
}

/** In which versions of a charter each key is valid. Revocation is final, so each key has one such range. Source: contracts "Charter". */
export class KeyHistory {
  readonly #lives = new Map<string, KeyLife>();

  /** Records what the entry of `version` writes. */
  record(version: number, writes: readonly RecordWrite[]): void {
    for (const { kind, id, value } of writes) {
      if (kind !== "key" || id === undefined || value.use === "evidence") continue;
      const known = this.#lives.get(id);
      if (!value.revoked) this.#lives.set(id, { use: value.use, jwk: value.jwk, since: version });
      else if (known !== undefined) this.#lives.set(id, { ...known, revoked: version });
    }
  }

  list(): KeyLife[] {
    return [...this.#lives.values()];
  }

  /** Adds what was listed. */
  restore(lives: readonly KeyLife[]): void {
    for (const life of lives) this.#lives.set(life.jwk.kid, life);
  }

  /** Finds a key that is valid for this use in `version`. */
  findAt(kid: string, use: SigningUse, version: number): PublicJwk | undefined {
    const life = this.#lives.get(kid);
    if (life === undefined || life.use !== use || version < life.since) return undefined;
    return life.revoked === undefined || version < life.revoked ? life.jwk : undefined;
  }
}
