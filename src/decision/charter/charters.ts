import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import type { PublicJwk } from "../../domain/bytes/signature.js";
import type { CharterChange } from "../../domain/charter/change.js";
import type { CharterEntry } from "../../domain/charter/entry.js";
import type { Operator } from "../../domain/charter/founding.js";
import type { RecordValue } from "../../domain/charter/records.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { Allowance } from "../../domain/permit/allowlist.js";
import { SerialQueue } from "../../domain/serial-queue.js";
import { toCharterKey } from "../../domain/storage-key.js";
import { type PolicyStore, StoredPolicies } from "../policy/stored-policies.js";
import type { NewestCharter } from "./newest-charter.js";
import type { NextChange } from "./planned-change.js";
import { CharterWalk } from "./walk.js";
import type { WalkPoints } from "./walk-points.js";

/**
 * The newest charter of each tenant, verified by this process from the founding key of the operator's charter, which has those of all other
 * tenants. Every call reads the entry after the newest known one, so it never relies on memory alone, and no call returns a lower version
 * than an earlier one. Source: contracts "Charter".
 */
export class Charters {
  readonly #walks = new Map<string, { readonly walk: CharterWalk; readonly turns: SerialQueue }>();

  readonly policies: StoredPolicies;

  constructor(
    /** The object store from which charters and policies are read. */
    private readonly store: PolicyStore,
    readonly operator: Operator,
    /** This process's own points, from which walks resume. Without it, every walk begins at the founding key. */
    readonly points?: WalkPoints,
  ) {
    this.policies = StoredPolicies.openStore(store);
  }

  /** Returns the tenant's newest charter. Denials: `tenant_unknown`, `charter_invalid`. Throws what reading an entry throws. */
  readNewest(tenantId: string): Promise<Outcome<NewestCharter>> {
    return this.#takeTurn(tenantId, (walk) => this.#advance(walk));
  }

  /** Starts a walk along a tenant's charter, at its founding key. Denials: as `readNewest`, of the operator's charter. */
  async openWalk(tenantId: string): Promise<Outcome<CharterWalk>> {
    const jwk = await this.#readFoundingKey(tenantId);
    if (!jwk.ok) return jwk;
    return grantValue(
      new CharterWalk(tenantId, jwk.value, {
        readPolicy: this.policies.readPolicyByHash,
        readPolicyParts: this.policies.readPolicyParts,
        readOperator:
          tenantId === this.operator.tenant_id
            ? null
            : () => this.useNewest(this.operator.tenant_id, async ({ operatorCharter }) => grantValue(operatorCharter)),
      }),
    );
  }

  /** Reads from the operator's newest charter what Runners may do for a tenant. Denials: as `readNewest`, of the operator's charter. */
  async readAllowance(tenantId: string): Promise<Outcome<Allowance>> {
    const tenant = await this.#readTenant(tenantId);
    return tenant.ok ? grantValue(tenant.value.allowance) : tenant;
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
        const checked = await walk.checkNext(bytes);
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

  /**
   * Plans a change of the newest charter. Denials: as `readNewest`, and those of `computeWrites` and `planChange`.
   */
  planNext(tenantId: string, change: CharterChange): Promise<Outcome<NextChange & { readonly charter: NewestCharter }>> {
    return this.useNewest(tenantId, async (walk) => {
      const next = await walk.planNext(change);
      return next.ok ? grantValue({ ...next.value, charter: walk.newest }) : next;
    });
  }

  /** Runs `work` on the walk of the newest charter. Nothing else uses the walk meanwhile. */
  useNewest<T>(tenantId: string, work: (walk: CharterWalk) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    return this.#takeTurn(tenantId, async (walk) => {
      const newest = await this.#advance(walk);
      return newest.ok ? work(walk) : newest;
    });
  }

  async #takeTurn<T>(tenantId: string, work: (walk: CharterWalk) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    if (!this.#walks.has(tenantId)) {
      // Unknown tenants are not remembered, so that made-up ids use no memory.
      const walk = await this.openWalk(tenantId);
      if (!walk.ok) return walk;
      if (!this.#walks.has(tenantId)) this.#walks.set(tenantId, { walk: walk.value, turns: new SerialQueue() });
    }
    const known = this.#walks.get(tenantId);
    if (known === undefined) throw new Error(`The charter of ${tenantId} was forgotten; this is a defect.`);
    // Each call's own read begins after the call.
    return known.turns.run(async () => {
      await this.points?.resume(known.walk);
      return work(known.walk);
    });
  }

  async #advance(walk: CharterWalk): Promise<Outcome<NewestCharter>> {
    const advanced = await walk.advance((version) => this.store.blobs.get(toCharterKey(walk.tenantId, version)));
    if (!advanced.ok) return advanced;
    this.points?.keep(walk);
    return grantValue(walk.newest);
  }

  async #readFoundingKey(tenantId: string): Promise<Outcome<PublicJwk>> {
    if (tenantId === this.operator.tenant_id) return grantValue(this.operator.founding_jwk);
    const tenant = await this.#readTenant(tenantId);
    return tenant.ok ? grantValue(tenant.value.founding_jwk) : tenant;
  }

  #readTenant(tenantId: string): Promise<Outcome<RecordValue<"tenant">>> {
    return this.useNewest(this.operator.tenant_id, async ({ state }) => {
      const tenant = state.find("tenant", tenantId);
      return tenant === undefined ? denyUnknown(tenantId) : grantValue(tenant);
    });
  }
}

function denyUnknown(tenantId: string): Outcome<never> {
  return denyWith("tenant_unknown", `${tenantId} is not a tenant of this registry; its operator founds it first (registry.tenant.found).`);
}
