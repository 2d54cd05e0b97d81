import type { PublicJwk } from "../../domain/bytes/signature.js";
import type { KeyUse } from "../../domain/charter/keys.js";
import type { RecordWrite } from "../../domain/charter/records.js";

/** What a key of Ed25519 is for. */
export type SigningUse = Exclude<KeyUse, "evidence">;

/** The uses by which acts are verified. A charter without a key for one of them rests on the operator's. */
const VERIFYING_USES = ["permit", "statement", "receipt", "git"] as const;

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

  /** Lists the keys that are valid for this use in `version`. */
  listAt(use: SigningUse, version: number): readonly PublicJwk[] {
    const isValid = (life: KeyLife) => version >= life.since && (life.revoked === undefined || version < life.revoked);
    return this.#listOf(use).flatMap((life) => (isValid(life) ? [life.jwk] : []));
  }

  /** Lists the keys that were ever valid for this use, up to `version`. */
  listUntil(use: SigningUse, version: number): readonly PublicJwk[] {
    return this.#listOf(use).flatMap(({ since, jwk }) => (since <= version ? [jwk] : []));
  }

  /** Returns whether `version` has no key for one of the uses by which acts are verified. */
  lacksAny(version: number): boolean {
    return VERIFYING_USES.some((use) => this.listAt(use, version).length === 0);
  }

  /** Returns whether some version, up to this one, had no key for a use by which acts are verified. */
  everLackedAny(version: number): boolean {
    return VERIFYING_USES.some((use) => this.everLacked(use, version));
  }

  /** Returns whether some version, up to this one, had no key for this use. */
  everLacked(use: SigningUse, version: number): boolean {
    const changed = [1, ...this.#listOf(use).flatMap(({ revoked }) => revoked ?? [])];
    return changed.some((at) => at <= version && this.listAt(use, at).length === 0);
  }

  #listOf(use: SigningUse): readonly KeyLife[] {
    return this.list().filter((life) => life.use === use);
  }
}
