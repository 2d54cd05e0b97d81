import { setTimeout as sleep } from "node:timers/promises";
import type { z } from "zod";
import type { NewestCharter } from "../../decision/charter/newest-charter.js";
import { type SignedKind, verifySignedObject } from "../../domain/bytes/signature.js";
import type { CharterVersions } from "../../domain/charter/versions.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { toPushReceipt } from "../../domain/git/push-receipt.js";
import { endsSummary, pushSummarySchema } from "../../domain/git/push-summary.js";
import { parseJson } from "../../domain/json.js";
import { type Receipt, receiptSchema } from "../../domain/permit/receipt.js";
import { toPushSummaryKey, toReceiptKey } from "../../domain/storage-key.js";
import type { RepositoryName } from "../../repository/repository-key.js";
import type { ObjectStore } from "../../storage/ports.js";
import type { RunnerDependencies } from "../runner/dependencies.js";
import type { ChainLink } from "./chain.js";

const POLL_MS = 50;

/** Reads the acts of one project from their receipts and summaries, and trusts none that it cannot verify. */
export class VerifiedLinks {
  #charter: NewestCharter | undefined;

  /**
   * `isRunning` tells whether an act may still be about to write its receipt. Until `waitUntilMs`, by `performance.now()`, such a receipt is
   * waited for.
   */
  constructor(
    private readonly deps: Pick<RunnerDependencies, "charters">,
    private readonly store: ObjectStore,
    private readonly name: RepositoryName,
    private readonly pending: { readonly isRunning: (jti: string) => boolean; readonly waitUntilMs: number },
  ) {}

  /** Reads the link that ends with the act `jti`. Denials: `pushers_unknown`, and those of the charter. */
  async read(jti: string): Promise<Outcome<ChainLink>> {
    const summary = endsSummary(jti) ? await this.#readSummary(jti) : undefined;
    if (summary !== undefined) return grantValue(summary);
    const bytes = await this.#waitForReceipt(jti);
    if (bytes === undefined)
      return this.pending.isRunning(jti)
        ? this.#deny(`the act ${jti} has moved refs and has no receipt yet. Try again when it has ended.`)
        : this.#deny(`the receipt of ${jti} is missing. Restore the object from a backup.`);
    const receipt = await this.#verify("receipt", receiptSchema, bytes);
    if (receipt === undefined || !this.#isOf(receipt, jti) || receipt.status !== "success" || isTruncated(receipt))
      return this.#deny(`the receipt of ${jti} is not one that a Runner signed for this act. Restore the object from a backup.`);
    const push = toPushReceipt(receipt);
    return grantValue({ jti, previous: receipt.previous_act, pushes: push === undefined ? [] : [push], isSummary: false });
  }

  /** Returns undefined for a summary that is absent or cannot be verified: the receipts say the same. */
  async #readSummary(jti: string): Promise<ChainLink | undefined> {
    const bytes = await this.store.blobs.get(toPushSummaryKey(this.name.tenant_id, this.name.project_id, jti));
    const summary = bytes === undefined ? undefined : await this.#verify("pushes", pushSummarySchema, bytes);
    if (summary === undefined || !this.#isOf(summary, jti)) return undefined;
    return { jti, previous: summary.previous, pushes: summary.pushes, isSummary: true };
  }

  async #waitForReceipt(jti: string): Promise<Uint8Array | undefined> {
    for (;;) {
      const bytes = await this.store.blobs.get(toReceiptKey(this.name.tenant_id, jti));
      const waits = this.pending.isRunning(jti) && performance.now() < this.pending.waitUntilMs;
      if (bytes !== undefined || !waits) return bytes;
      await sleep(POLL_MS);
    }
  }

  /** Returns undefined unless a receipt key of the tenant that is valid in the versions that the object names has signed it. */
  async #verify<T extends { readonly kid: string; readonly sig: string } & CharterVersions>(
    kind: SignedKind,
    schema: z.ZodType<T>,
    bytes: Uint8Array,
  ): Promise<T | undefined> {
    const parsed = schema.safeParse(parseJson(Buffer.from(bytes).toString("utf8")));
    if (!parsed.success) return undefined;
    const key = (await this.#readCharter(parsed.data))?.findKeyAt(parsed.data.kid, "receipt", parsed.data);
    return key !== undefined && verifySignedObject(kind, parsed.data, { keys: [key] }) === "valid" ? parsed.data : undefined;
  }

  /** Reads the charter again for a version that it, or the operator's, may have got since. */
  async #readCharter({ charter_version, operator_version = 0 }: CharterVersions): Promise<NewestCharter | undefined> {
    const known = this.#charter;
    if (known === undefined || known.version < charter_version || (known.versions.operator_version ?? 0) < operator_version) {
      const charter = await this.deps.charters.readNewest(this.name.tenant_id);
      this.#charter = charter.ok ? charter.value : undefined;
    }
    return this.#charter;
  }

  #isOf(object: { readonly tenant_id: string; readonly project_id: string; readonly jti: string }, jti: string): boolean {
    return object.tenant_id === this.name.tenant_id && object.project_id === this.name.project_id && object.jti === jti;
  }

  #deny(why: string) {
    return denyWith("pushers_unknown", `It is unknown who pushed to ${this.name.project_id}: ${why}`);
  }
}

/** Only the registration has no act before it. */
function isTruncated({ jobType, previous_act }: Receipt): boolean {
  return (previous_act === null) !== (jobType === "git.registry.init");
}
