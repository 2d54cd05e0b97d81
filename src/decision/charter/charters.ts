import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import type { Blake3Hex } from "../../domain/bytes/hash.js";
import type { Jwks, PublicJwk } from "../../domain/bytes/signature.js";
import type { CharterEntry } from "../../domain/charter/entry.js";
import type { RecordKind, RecordValue } from "../../domain/charter/records.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { SerialQueue } from "../../domain/serial-queue.js";
import { toCharterKey } from "../../domain/storage-key.js";
import type { SigningUse } from "./key-history.js";
import { CharterWalk } from "./walk.js";

/** The object store from which charters are read. */
interface EntryStore {
  readonly blobs: { get(key: string): Promise<Uint8Array | undefined> };
}

/** A charter's newest version. */
export interface NewestCharter {
  readonly founding_jwk: PublicJwk;
  readonly version: number;
  readonly entry_hash: Blake3Hex;
  readonly state_hash: Blake3Hex;
  readonly policy_hash: Blake3Hex;
  readonly sealed: boolean;
  /** Returns a record of this version. @throws ReplacedCharter if this process has read a newer version since */
  find<K extends RecordKind>(kind: K, id?: string): RecordValue<K> | undefined;
  /** Lists the records of a kind with their ids. @throws ReplacedCharter as `find` does */
  list<K extends RecordKind>(kind: K): readonly (readonly [id: string, value: RecordValue<K>])[];
  /** The keys that are not revoked, for every use of Ed25519. @throws ReplacedCharter as `find` does */
  listKeys(use: SigningUse): Jwks;
  /** Finds a key that is valid for this use in `version`, which signed objects name. Undefined for a version that this process has not read. */
  findKeyAt(kid: string, use: SigningUse, version: number): PublicJwk | undefined;
  /** Lists the persons for whom one of these addresses was ever verified. */
  listPersonsByEmail(emails: readonly string[]): readonly string[];
}

/** A newer version was read while a decision relied on an earlier one; the retry decides by the newer one. */
export class ReplacedCharter extends Error {
  override readonly name = "ReplacedCharter";
}

/**
 * The newest charter of each tenant, verified by this process. Every call reads the entry after the newest known one, so it never relies
 * on memory alone, and no call returns a lower version than an earlier one. Source: contracts "Charter".
 */
export class Charters {
  readonly #walks = new Map<string, { readonly walk: CharterWalk; readonly turns: SerialQueue }>();

  constructor(
    private readonly store: EntryStore,
    private readonly foundingKeys: ReadonlyMap<string, PublicJwk>,
  ) {}

  /** Returns the tenant's newest charter. Denials: `tenant_unknown`, `charter_invalid`. Throws what reading an entry throws. */
  readNewest(tenantId: string): Promise<Outcome<NewestCharter>> {
    return this.#takeTurn(tenantId, (walk) => this.#advance(walk));
  }

  /**
   * Checks in full whether an entry can follow the newest one, or is already part of the charter. Denials: as `readNewest`, and
   * `charter_changed` if the charter has another entry of this version.
   */
  checkEntry(entry: CharterEntry): Promise<Outcome<{ readonly isKnown: boolean }>> {
    return this.#takeTurn(entry.tenant_id, async (walk): Promise<Outcome<{ readonly isKnown: boolean }>> => {
      const newest = await this.#advance(walk);
      if (!newest.ok) return newest;
      const { version } = newest.value;
      const bytes = toCanonicalBytes(entry);
      if (entry.version > version) {
        const checked = walk.checkNext(bytes);
        return checked.ok ? grantValue({ isKnown: false }) : checked;
      }
      const stored = await this.store.blobs.get(toCharterKey(entry.tenant_id, entry.version));
      if (stored !== undefined && Buffer.from(stored).equals(bytes)) return grantValue({ isKnown: true });
      return denyWith(
        "charter_changed",
        `Version ${entry.version} of the charter of ${entry.tenant_id} is another entry, which was appended first; check it and sign your change again, as version ${version + 1}.`,
      );
    });
  }

  async #takeTurn<T>(tenantId: string, work: (walk: CharterWalk) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const foundingJwk = this.foundingKeys.get(tenantId);
    // Unknown tenants are not looked up, so that made-up ids use no memory.
    if (foundingJwk === undefined) return denyWith("tenant_unknown", `${tenantId} has no charter; an operator founds the tenant first.`);
    const known = this.#walks.get(tenantId) ?? { walk: new CharterWalk(tenantId, foundingJwk), turns: new SerialQueue() };
    this.#walks.set(tenantId, known);
    // Each call's own read begins after the call.
    return known.turns.run(() => work(known.walk));
  }

  async #advance(walk: CharterWalk): Promise<Outcome<NewestCharter>> {
    const advanced = await walk.advance((version) => this.store.blobs.get(toCharterKey(walk.tenantId, version)));
    if (!advanced.ok) return advanced;
    const { state, version, entryHash, foundingJwk } = walk;
    const policy = state.find("policy");
    if (policy === undefined || entryHash === null) throw new Error(`Version 1 of the charter of ${walk.tenantId} wrote no policy.`);
    const { policy_hash } = policy;
    const sealed = state.find("sealed") !== undefined;
    const readState = () => {
      if (walk.version === version) return state;
      throw new ReplacedCharter(
        `The charter of ${walk.tenantId} has version ${walk.version}, which replaced version ${version}; try again.`,
      );
    };
    const list = <K extends RecordKind>(kind: K) => readState().list(kind);
    return grantValue({
      founding_jwk: foundingJwk,
      version,
      entry_hash: entryHash,
      state_hash: state.hash,
      policy_hash,
      sealed,
      find: (kind, id) => readState().find(kind, id),
      list,
      findKeyAt: (kid, use, at) => (at <= walk.version ? walk.keys.findAt(kid, use, at) : undefined),
      listPersonsByEmail: (emails) => walk.listPersonsByEmail(emails),
      listKeys: (use) => ({
        keys: list("key").flatMap(([, key]) => (key.use !== "evidence" && key.use === use && !key.revoked ? [key.jwk] : [])),
      }),
    });
  }
}
