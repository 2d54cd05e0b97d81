import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import type { Blake3Hex } from "../../domain/bytes/hash.js";
import type { PublicJwk } from "../../domain/bytes/signature.js";
import type { CharterChange } from "../../domain/charter/change.js";
import { CHARTER_RULES, type CharterEntry, charterEntrySchema, hashEntry } from "../../domain/charter/entry.js";
import type { RecordKind, RecordWrite } from "../../domain/charter/records.js";
import { CharterState } from "../../domain/charter/state.js";
import type { WalkPoint } from "../../domain/charter/walk-point.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { computeWrites } from "./apply-change.js";
import { EmailIndex } from "./email-index.js";
import { type CharterBefore, type EntryAct, type JudgedEntry, judgeEntry } from "./judge-entry.js";
import { KeyHistory } from "./key-history.js";
import {
  type CharterSources,
  denyUnusablePolicy,
  findNamedPolicy,
  listPolicyCodes,
  readNextPolicies,
  readPermittedPolicy,
} from "./named-policies.js";
import { type NewestCharter, ReplacedCharter } from "./newest-charter.js";
import { type OperatorCharter, type OperatorKeys, PlaneKeys } from "./plane-keys.js";
import { type NextChange, planChange } from "./planned-change.js";
import { checkOwnAllowance } from "./reachable.js";
import { advanceRecovery, checkNoFoundingKey, type RecoveryPoint } from "./recovery.js";

/** Reads the bytes of a version's entry, or returns undefined if it is absent. Must never use a listing. */
export type ReadEntry = (version: number) => Promise<Uint8Array | undefined>;

/** A checked entry. The state is still that of the entry before. */
interface CheckedEntry {
  readonly entry: CharterEntry;
  readonly writes: readonly RecordWrite[];
  readonly judged: JudgedEntry;
}

/**
 * A walk along one tenant's charter from its founding key. It checks every entry in full and trusts no store, so `state` is exactly what
 * the entries yield, wherever they are stored. Source: contracts "Charter".
 */
export class CharterWalk {
  readonly state = new CharterState();
  readonly keys = new KeyHistory();
  readonly #emails = new EmailIndex();
  #version = 0;
  #hash: Blake3Hex | null = null;
  /** The acts that changed this charter or were recorded as ended, each with its version. */
  readonly #acts = new Map<string, EntryAct & { readonly version: number }>();
  #hasTakenPower = false;
  #recovery: RecoveryPoint | null = null;
  /** The operator's charter as it was last read, if this one ever lacked a key. */
  #operator: OperatorCharter | undefined;
  /** The newest version of the operator's charter that an entry named; 0 if none did. */
  #namedOperatorVersion = 0;

  constructor(
    readonly tenantId: string,
    readonly foundingJwk: PublicJwk,
    private readonly sources: CharterSources,
  ) {}

  /** Returns the newest version that was checked; 0 before the first. */
  get version(): number {
    return this.#version;
  }

  /** Returns the hash of the newest entry that was checked; null before the first. */
  get entryHash(): Blake3Hex | null {
    return this.#hash;
  }

  /** Returns the newest checked entry about recovery. */
  get recovery(): RecoveryPoint | null {
    return this.#recovery;
  }

  /** Returns what other tenants' charters take from this one, which is the operator's. */
  get operatorCharter(): OperatorCharter {
    const { version, keys, state } = this;
    const uses = new Set(state.list("key").flatMap(([, { use, revoked }]) => (revoked ? [] : [use])));
    return { version, keys, uses, policyCodes: listPolicyCodes(state) };
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
        const operator = await this.#refreshOperator();
        return operator.ok ? grantValue(this.#version - start) : operator;
      }
      const checked = await this.#checkEntry(bytes);
      if (!checked.ok) return checked;
      const { entry, writes, judged } = checked.value;
      // Together, so that no reader of the version before sees the change.
      this.state.write(writes);
      this.#version += 1;
      this.#hash = hashEntry(entry);
      this.#recovery = advanceRecovery(this, entry, writes);
      this.keys.record(this.#version, writes);
      this.#emails.record(writes);
      this.#hasTakenPower = judged.hasTakenPower;
      this.#namedOperatorVersion = getOperatorVersion(entry) ?? this.#namedOperatorVersion;
      if (judged.act !== null) this.#acts.set(judged.act.jti, { ...judged.act, version: this.#version });
    }
  }

  /** Returns what the walk knows at the newest version that was checked. @throws if there is none */
  toPoint(): WalkPoint {
    const { version, entry_hash, state_hash, founding_jwk } = this.newest;
    return {
      ...{ tenant_id: this.tenantId, founding_jwk, rules: CHARTER_RULES, version, entry_hash, state_hash },
      records: this.state.listAll(),
      keys: this.keys.list(),
      emails: this.#emails.list(),
      acts: [...this.#acts.values()].map(({ jti, version, hasHappened }) => ({ jti, version, has_happened: hasHappened })),
      has_taken_power: this.#hasTakenPower,
      operator_version: this.#namedOperatorVersion,
      recovery: this.#recovery,
    };
  }

  /**
   * Goes on from a point that the caller knows to be one of a full walk. Returns false, and stays at the beginning, if it is about another
   * charter, by other rules, or not consistent. @throws if the walk has begun
   */
  resume(point: WalkPoint): boolean {
    if (this.#version !== 0) throw new Error(`The walk along the charter of ${this.tenantId} has begun.`);
    const { tenant_id, founding_jwk, rules } = point;
    if (tenant_id !== this.tenantId || founding_jwk.x !== this.foundingJwk.x || rules !== CHARTER_RULES) return false;
    const undo = this.state.write(point.records);
    if (this.state.hash !== point.state_hash) {
      undo();
      return false;
    }
    this.#version = point.version;
    this.#hash = point.entry_hash;
    this.keys.restore(point.keys);
    this.#emails.restore(point.emails);
    for (const { jti, version, has_happened: hasHappened } of point.acts) this.#acts.set(jti, { jti, version, hasHappened });
    this.#hasTakenPower = point.has_taken_power;
    this.#namedOperatorVersion = point.operator_version;
    this.#recovery = point.recovery;
    return true;
  }

  /** Finds the act with the version whose entry carried it out or recorded that it ended. */
  findAct(jti: string): (EntryAct & { readonly version: number }) | undefined {
    return this.#acts.get(jti);
  }

  /** Plans a change of the newest state. Denials: those of `computeWrites` and `planChange`, `policy_not_current`. */
  async planNext(change: CharterChange): Promise<Outcome<NextChange>> {
    const writes = await this.computeNext(change);
    if (!writes.ok) return writes;
    return denyUnusablePolicy(() => this.#plan(change, writes.value));
  }

  /**
   * Reads the policy that a change of the newest state makes a tenant's own, if its rules are permitted, without loading them; undefined if it
   * names none. Denials: those of {@link readPermittedPolicy}.
   */
  async checkNamedPolicy(change: CharterChange): Promise<Outcome<{ readonly policy_hash: string } | undefined>> {
    const named = findNamedPolicy(change);
    if (named === undefined) return grantValue(undefined);
    const permitted = await denyUnusablePolicy(() => readPermittedPolicy(this.sources, this, named));
    return permitted.ok ? grantValue(named) : permitted;
  }

  /** Computes the records that a change of the newest state writes. Denials: those of `computeWrites` and of the operator's charter. */
  async computeNext(change: CharterChange): Promise<Outcome<readonly RecordWrite[]>> {
    const { readOperator } = this.sources;
    const operator = change.jobType === "registry.keys.rotate" ? await readOperator?.() : undefined;
    if (operator?.ok === false) return operator;
    const writes = computeWrites(this.state, this.#version + 1, change, operator?.value.uses);
    if (!writes.ok) return writes;
    return checkOwnAllowance(this.tenantId, writes.value) ?? checkNoFoundingKey(this.foundingJwk, writes.value) ?? writes;
  }

  async #plan(change: CharterChange, writes: readonly RecordWrite[]): Promise<Outcome<NextChange>> {
    const policy = await this.sources.readPolicy(this.tenantId, this.newest.policy_hash);
    if (!policy.ok) return policy;
    const next = await readNextPolicies(this.sources, this, change, policy.value);
    if (!next.ok) return next;
    const planned = planChange({
      state: this.state,
      change,
      writes,
      policy: policy.value,
      ...next.value,
      hasTakenPower: this.#hasTakenPower,
    });
    return planned.ok ? grantValue({ writes, ...planned.value, policy: policy.value }) : planned;
  }

  /** Returns the newest version that was checked, with the operator's newest keys. @throws if there is none */
  get newest(): NewestCharter {
    return this.#buildNewest(this.#operator);
  }

  /**
   * Returns the newest version that was checked, with the operator's keys of the version that an object names. Denial: `charter_invalid` if it
   * must name one and does not, names one that is absent, or names one needlessly.
   */
  newestAt(operatorVersion: number | undefined): Outcome<NewestCharter> {
    const { operator_version: newest } = this.newest.versions;
    if (operatorVersion === undefined) {
      if (newest === undefined) return grantValue(this.newest);
      return denyWith("charter_invalid", `it names no version of the operator's charter, on whose keys ${this.tenantId} rests.`);
    }
    if (newest === undefined || this.#operator === undefined) {
      const why = this.sources.readOperator === null ? "which is not read here" : "and does not rest on its keys";
      return denyWith("charter_invalid", `it names version ${operatorVersion} of the operator's charter, ${why}.`);
    }
    if (operatorVersion > newest)
      return denyWith("charter_invalid", `it names version ${operatorVersion} of the operator's charter, which has ${newest}.`);
    return grantValue(this.#buildNewest({ ...this.#operator, version: operatorVersion }));
  }

  /** Reads the operator's newest charter if this one ever lacked a key. */
  async #refreshOperator(): Promise<Outcome<null>> {
    const { readOperator } = this.sources;
    if (readOperator === null || !this.keys.everLackedAny(this.#version)) return grantValue(null);
    const operator = await readOperator();
    if (!operator.ok) return operator;
    this.#operator = operator.value;
    return grantValue(null);
  }

  #buildNewest(operator: OperatorKeys | undefined): NewestCharter {
    const { state, foundingJwk, version, recovery } = this;
    const keys = new PlaneKeys(this.keys, version, operator);
    const policy = state.find("policy");
    if (policy === undefined || this.#hash === null) throw new Error(`The charter of ${this.tenantId} has no version yet.`);
    const readState = () => {
      if (this.#version === version) return state;
      throw new ReplacedCharter(
        `The charter of ${this.tenantId} has version ${this.#version}, which replaced version ${version}; try again.`,
      );
    };
    const list = <K extends RecordKind>(kind: K) => readState().list(kind);
    return {
      founding_jwk: foundingJwk,
      version,
      entry_hash: this.#hash,
      state_hash: state.hash,
      policy_hash: policy.policy_hash,
      sealed: state.find("sealed") !== undefined,
      recovery,
      find: (kind, id) => readState().find(kind, id),
      list,
      borrowsKeys: keys.borrowsKeys,
      versions: keys.versions,
      findKeyAt: (kid, use, at) => keys.findAt(kid, use, at),
      listKnownKeys: (use) => keys.listKnown(use),
      listPersonsByEmail: (emails) => this.#emails.listPersons(emails),
      listKeys: (use) => {
        readState();
        return keys.list(use);
      },
    };
  }

  /** Checks in full whether these bytes can be the next entry. The walk stays where it is. */
  async checkNext(bytes: Uint8Array): Promise<Outcome<null>> {
    const checked = await denyUnusablePolicy(() => this.#checkEntry(bytes));
    return checked.ok ? grantValue(null) : checked;
  }

  /** Checks the next entry. */
  async #checkEntry(bytes: Uint8Array): Promise<Outcome<CheckedEntry>> {
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
    const writes = await this.computeNext(entry.change);
    if (!writes.ok) return deny(writes.denial.message);
    const judged = await judgeEntry(this.#describeBefore(entry.change, writes.value), entry);
    if (!judged.ok) return deny(judged.denial.message);
    const undo = this.state.write(writes.value);
    const { hash } = this.state;
    undo();
    if (hash !== entry.state_hash) return deny("its change does not lead to the state that it names.");
    return grantValue({ entry, writes: writes.value, judged: judged.value });
  }

  #describeBefore(change: CharterChange, writes: readonly RecordWrite[]): CharterBefore {
    const { foundingJwk, version, state, recovery } = this;
    return {
      ...{ foundingJwk, version, state, recovery, hasTakenPower: this.#hasTakenPower },
      findAct: (jti) => this.#acts.get(jti),
      readSigningCharter: (operatorVersion) => this.#readSigningCharter(operatorVersion),
      planEntry: () => this.#plan(change, writes),
    };
  }

  /**
   * Reads the newest version that was checked, with the operator's keys by which the next entry is judged. No entry goes back behind the operator's
   * version that one before it named, so that a key that was revoked there signs no later entry.
   */
  async #readSigningCharter(operatorVersion: number | undefined): Promise<Outcome<NewestCharter>> {
    if (this.#operator === undefined || this.#operator.version < (operatorVersion ?? 0)) {
      const operator = await this.#refreshOperator();
      if (!operator.ok) return operator;
    }
    if (operatorVersion !== undefined && operatorVersion < this.#namedOperatorVersion)
      return denyWith(
        "charter_invalid",
        `it names version ${operatorVersion} of the operator's charter, after an entry that names ${this.#namedOperatorVersion}.`,
      );
    return this.newestAt(operatorVersion);
  }
}

/** Returns the version of the operator's charter that an entry names. */
function getOperatorVersion({ authority }: CharterEntry): number | undefined {
  return authority.kind === "founding" ? undefined : authority.operator_version;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // The schema refuses undefined and says so.
    return undefined;
  }
}
