import type { Charters } from "../../decision/charter/charters.js";
import type { CharterWalk } from "../../decision/charter/walk.js";
import { hashBlake3Hex } from "../../domain/bytes/hash.js";
import { type CharterEntry, charterEntrySchema, hashEntry } from "../../domain/charter/entry.js";
import type { WalkPoint } from "../../domain/charter/walk-point.js";
import { grantValue, type Outcome } from "../../domain/denial.js";
import { parseJsonBytes } from "../../domain/json.js";
import { CHARTER_EVENTS, type NewEvent } from "../../domain/ledger/event.js";
import { SerialQueue } from "../../domain/serial-queue.js";
import { toCharterKey } from "../../domain/storage-key.js";
import { countAppendedEvents } from "../../process/metrics/ledger.js";
import type { ObjectStore } from "../../storage/ports.js";
import type { DbPool } from "../database/database.js";
import { appendBatch } from "../ledger/append-batch.js";
import { projectWebhooks } from "../webhooks/webhooks.js";
import { projectMembers } from "./charter-members.js";
import { projectTenants } from "./tenants.js";

/** The number of entries that one transaction records. */
const ENTRIES_MAX = 200;

/** The dependencies of {@link CharterRecorder}. */
export interface RecorderDependencies {
  readonly db: DbPool;
  readonly store: Pick<ObjectStore, "blobs">;
  readonly charters: Charters;
  now(): number;
  /** Called with the cards whose approvals new entries have voided. */
  onVoided?(tenantId: string, cards: readonly string[]): Promise<void>;
  /** Called with the webhooks that new entries have changed. */
  onWebhooks?(tenantId: string, webhooks: readonly string[]): Promise<void>;
}

interface RecordedCharter {
  readonly walk: CharterWalk;
  /** The checked entries that may not be recorded yet. */
  readonly pending: Map<number, CharterEntry>;
  readonly turns: SerialQueue;
}

/**
 * Records the entries of charters in the ledger and projects their members into the tables of identities, in one transaction, however an
 * entry was appended. Walks each charter itself, so it records nothing that does not verify.
 */
export class CharterRecorder {
  readonly #charters = new Map<string, RecordedCharter>();

  constructor(private readonly deps: RecorderDependencies) {}

  /**
   * Records what the ledger lacks of a tenant's charter. Returns the number of recorded entries. Recording again changes nothing. Denials:
   * `tenant_unknown`, `charter_invalid`; valid entries before an invalid one are recorded.
   *
   * @throws if the ledger has other entries than the store, which was then restored from an old backup or replaced.
   */
  async record(tenantId: string): Promise<Outcome<number>> {
    const charter = await this.#openCharter(tenantId);
    if (!charter.ok) return charter;
    const { walk, turns } = charter.value;
    const before = walk.state.count("tenant");
    const recorded = await turns.run(() => this.#recordNext(charter.value));
    // The members of a new tenant are those of its version 1.
    for (const [founded] of walk.state.list("tenant").slice(before)) if (founded !== tenantId) await this.record(founded);
    return recorded;
  }

  async #openCharter(tenantId: string): Promise<Outcome<RecordedCharter>> {
    const known = this.#charters.get(tenantId);
    if (known !== undefined) return grantValue(known);
    const walk = await this.deps.charters.openWalk(tenantId);
    if (!walk.ok) return walk;
    await this.deps.charters.points?.resume(walk.value, (point) => this.#isRecorded(point));
    const opened = this.#charters.get(tenantId) ?? {
      walk: walk.value,
      pending: new Map<number, CharterEntry>(),
      turns: new SerialQueue(),
    };
    this.#charters.set(tenantId, opened);
    return grantValue(opened);
  }

  /**
   * Returns whether the ledger and the store have the entry of a point of the charter's walk. Then the ledger has all entries until there,
   * because it records them in order. Otherwise the whole charter is walked, which finds what they lack.
   */
  async #isRecorded({ tenant_id, version, entry_hash }: WalkPoint): Promise<boolean> {
    const [row, bytes] = await Promise.all([
      this.deps.db
        .selectFrom("charter_versions")
        .select("entry_hash")
        .where("tenant_id", "=", tenant_id)
        .where("version", "=", version)
        .executeTakeFirst(),
      this.deps.store.blobs.get(toCharterKey(tenant_id, version)),
    ]);
    return row?.entry_hash === entry_hash && bytes !== undefined && hashBlake3Hex(bytes) === entry_hash;
  }

  async #recordNext({ walk, pending }: RecordedCharter): Promise<Outcome<number>> {
    const { tenantId } = walk;
    const read = new Map<number, Uint8Array>();
    const advanced = await walk.advance(async (version) => {
      const bytes = await this.deps.store.blobs.get(toCharterKey(tenantId, version));
      if (bytes !== undefined) read.set(version, bytes);
      return bytes;
    });
    for (const [version, bytes] of read) if (version <= walk.version) pending.set(version, charterEntrySchema.parse(parseJsonBytes(bytes)));
    const recorded = pending.size === 0 ? 0 : await this.#recordPending(walk, pending);
    return advanced.ok ? grantValue(recorded) : advanced;
  }

  async #recordPending(walk: CharterWalk, pending: Map<number, CharterEntry>): Promise<number> {
    const { tenantId } = walk;
    const known = await this.deps.db
      .selectFrom("charter_versions")
      .select(["version", "entry_hash"])
      .where("tenant_id", "=", tenantId)
      .where("version", ">=", Math.min(...pending.keys()))
      .execute();
    for (const { version, entry_hash } of known) {
      const entry = pending.get(version);
      if (entry === undefined || hashEntry(entry) !== entry_hash)
        throw new Error(
          `The ledger recorded another version ${version} of the charter of ${tenantId} than the object store has: the store was restored from an old backup, or replaced.`,
        );
      pending.delete(version);
    }
    let recorded = 0;
    while (pending.size > 0) {
      const entries = [...pending.values()].slice(0, ENTRIES_MAX);
      recorded += await this.#recordEntries(walk, entries);
      for (const { version } of entries) pending.delete(version);
    }
    return recorded;
  }

  async #recordEntries({ tenantId, state }: CharterWalk, entries: readonly CharterEntry[]): Promise<number> {
    const { db, now } = this.deps;
    const events = entries.map(
      (entry): NewEvent => ({
        type: CHARTER_EVENTS[entry.change.jobType],
        key: `charter/${entry.version}`,
        payload: { entry, entry_hash: hashEntry(entry) },
      }),
    );
    const outcome = await db.transaction().execute(async (trx) => {
      const [one] = await appendBatch(trx, tenantId, [{ events, atMs: now() }]);
      if (one === undefined || !one.ok) throw new Error(`The charter of ${tenantId} cannot be recorded; this is a defect of the ledger.`);
      // Another process may have recorded some of them, and projected them in the same transaction.
      const fresh = entries.filter((_, n) => one.appended[n]?.isNew === true);
      await projectTenants(trx, fresh);
      await projectMembers(trx, tenantId, fresh, state, now());
      return { ...one, webhooks: await projectWebhooks(trx, tenantId, fresh, state, now()) };
    });
    countAppendedEvents(events, outcome);
    await this.deps.onVoided?.(tenantId, outcome.voided);
    await this.deps.onWebhooks?.(tenantId, outcome.webhooks);
    return outcome.appended.filter(({ isNew }) => isNew).length;
  }
}
