import type { Blake3Hex } from "../../domain/bytes/hash.js";
import type { Jwks, PublicJwk } from "../../domain/bytes/signature.js";
import type { RecordKind, RecordValue } from "../../domain/charter/records.js";
import type { CharterVersions } from "../../domain/charter/versions.js";
import type { SigningUse } from "./key-history.js";
import type { PlaneKeys } from "./plane-keys.js";
import type { RecoveryPoint } from "./recovery.js";

/** A charter's newest version. */
export interface NewestCharter {
  readonly founding_jwk: PublicJwk;
  readonly version: number;
  readonly entry_hash: Blake3Hex;
  readonly state_hash: Blake3Hex;
  readonly policy_hash: Blake3Hex;
  readonly sealed: boolean;
  readonly recovery: RecoveryPoint | null;
  /** Returns a record of this version. @throws ReplacedCharter if this process has read a newer version since */
  find<K extends RecordKind>(kind: K, id?: string): RecordValue<K> | undefined;
  /** Lists the records of a kind with their ids. @throws ReplacedCharter as `find` does */
  list<K extends RecordKind>(kind: K): readonly (readonly [id: string, value: RecordValue<K>])[];
  /** Whether keys of the operator's charter count for this one, or did in an earlier version. */
  readonly borrowsKeys: boolean;
  /** The versions that an object names which is signed now. */
  readonly versions: CharterVersions;
  /** The keys that count now, for every use of Ed25519. @throws ReplacedCharter as `find` does */
  listKeys(use: SigningUse): Jwks;
  /** The keys that count now, and those that ever did. */
  listKnownKeys(use: SigningUse): Jwks;
  /** Finds a key that is valid for this use in the versions that a signed object names. See {@link PlaneKeys.findAt}. */
  findKeyAt(kid: string, use: SigningUse, versions: CharterVersions): PublicJwk | undefined;
  /** Lists the persons for whom one of these addresses was ever verified. */
  listPersonsByEmail(emails: readonly string[]): readonly string[];
}

/** A newer version was read while a decision relied on an earlier one; the retry decides by the newer one. */
export class ReplacedCharter extends Error {
  override readonly name = "ReplacedCharter";
}
