import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import type { Blake3Hex } from "../../domain/bytes/hash.js";
import type { PublicJwk } from "../../domain/bytes/signature.js";
import { CHARTER_RULES, type CharterEntry, charterEntrySchema, hashEntry, isSignedByFounder } from "../../domain/charter/entry.js";
import type { RecordWrite } from "../../domain/charter/records.js";
import { CharterState } from "../../domain/charter/state.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { normalizeEmail } from "../../domain/email.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { computeWrites } from "./apply-change.js";
import { KeyHistory } from "./key-history.js";

/** Reads the bytes of a version's entry, or returns undefined if it is absent. Must never use a listing. */
export type ReadEntry = (version: number) => Promise<Uint8Array | undefined>;

/** A checked entry, whose change is applied to the state until `undo` is called. */
interface CheckedEntry {
  readonly entry: CharterEntry;
  readonly writes: readonly RecordWrite[];
  readonly undo: () => void;
}

/**
 * A walk along one tenant's charter from its founding key. It checks every entry in full and trusts no store, so `state` is exactly what
 * the entries yield, wherever they are stored. Source: contracts "Charter".
 */
export class CharterWalk {
  readonly state = new CharterState();
  readonly keys = new KeyHistory();
  readonly #personsByEmail = new Map<string, Set<string>>();
  #version = 0;
  #hash: Blake3Hex | null = null;

  constructor(
    readonly tenantId: string,
    readonly foundingJwk: PublicJwk,
  ) {}

  /** Returns the newest version that was checked; 0 before the first. */
  get version(): number {
    return this.#version;
  }

  /** Returns the hash of the newest entry that was checked; null before the first. */
  get entryHash(): Blake3Hex | null {
    return this.#hash;
  }

  /**
   * Checks every entry after the last checked one. Returns the number of new ones. After a denial, the walk stays at the entry before the
   * invalid one.
   */
  async advance(read: ReadEntry): Promise<Outcome<number>> {
    const start = this.#version;
    for (;;) {
      const bytes = await read(this.#version + 1);
      if (bytes === undefined) {
        if (this.#version === 0)
          return denyWith("tenant_unknown", `${this.tenantId} has no charter; its operator founds the tenant first.`);
        return grantValue(this.#version - start);
      }
      const checked = this.#checkEntry(bytes);
      if (!checked.ok) return checked;
      this.#version += 1;
      this.#hash = hashEntry(checked.value.entry);
      this.keys.record(this.#version, checked.value.writes);
      this.#recordEmails(checked.value.writes);
    }
  }

  /** Checks in full whether these bytes can be the next entry. The walk stays where it is. */
  checkNext(bytes: Uint8Array): Outcome<null> {
    const checked = this.#checkEntry(bytes);
    if (!checked.ok) return checked;
    checked.value.undo();
    return grantValue(null);
  }

  /** Checks the next entry and applies its change to the state, unless it is denied. */
  #checkEntry(bytes: Uint8Array): Outcome<CheckedEntry> {
    const version = this.#version + 1;
    const deny = (why: string) => denyWith("charter_invalid", `Version ${version} of the charter of ${this.tenantId} is not valid: ${why}`);
    const parsed = parseWith(charterEntrySchema, parseJson(bytes));
    if (!parsed.ok) return deny(formatProblems(parsed.problems));
    const entry = parsed.value;
    // An entry has exactly one spelling and one hash, so a duplicate member cannot be read in two ways.
    if (!Buffer.from(toCanonicalBytes(entry)).equals(bytes)) return deny("its bytes are not canonical JSON (RFC 8785).");
    if (entry.tenant_id !== this.tenantId) return deny(`it belongs to ${entry.tenant_id}.`);
    if (entry.version !== version) return deny(`it states version ${entry.version}.`);
    if (entry.previous !== this.#hash) return deny("it does not follow the previous entry.");
    if (entry.rules > CHARTER_RULES) return deny(`its rules ${entry.rules} are not known here; update this software.`);
    const authority = this.#checkAuthority(entry);
    if (!authority.ok) return authority;
    const writes = computeWrites(this.state, version, entry.change);
    if (!writes.ok) return deny(writes.denial.message);
    const undo = this.state.write(writes.value);
    if (this.state.hash !== entry.state_hash) {
      undo();
      return deny("its change does not lead to the state that it names.");
    }
    return grantValue({ entry, writes: writes.value, undo });
  }

  /**
   * Lists the persons for whom one of these addresses was ever verified, each once, in order. A later version that removes an address does
   * not end that its holder is an author.
   */
  listPersonsByEmail(emails: readonly string[]): readonly string[] {
    return [...new Set(emails.flatMap((email) => [...(this.#personsByEmail.get(normalizeEmail(email)) ?? [])]))].sort();
  }

  #recordEmails(writes: readonly RecordWrite[]): void {
    for (const { kind, id = "", value } of writes)
      if (kind === "person")
        for (const email of value.emails) this.#personsByEmail.set(email, (this.#personsByEmail.get(email) ?? new Set()).add(id));
  }

  /** Sealing the charter ends the founding key's power. */
  #checkAuthority(entry: CharterEntry): Outcome<null> {
    const which = `Version ${entry.version} of the charter of ${this.tenantId}`;
    if (this.state.find("sealed") !== undefined)
      return denyWith("charter_invalid", `${which} is signed by the founding key after the seal.`);
    if (isSignedByFounder(entry, this.foundingJwk)) return grantValue(null);
    return denyWith("charter_invalid", `${which} is not signed by the tenant's founding key.`);
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // The schema refuses undefined and says so.
    return undefined;
  }
}
