import { expect } from "vitest";
import { parseActRecord, toEvidenceLines } from "../../src/domain/act/act-record.js";
import type { Job } from "../../src/domain/act/job.js";
import { hashCanonical, toCanonicalBytes } from "../../src/domain/bytes/canonical.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { type SigningKey, signObject } from "../../src/domain/bytes/signature.js";
import { type Claim, claimSchema } from "../../src/domain/permit/claim.js";
import type { Permit } from "../../src/domain/permit/permit.js";
import { type Receipt, receiptSchema } from "../../src/domain/permit/receipt.js";
import { toClaimKey, toReceiptKey } from "../../src/domain/storage-key.js";
import type { RunnerDependencies } from "../../src/lab512/runner/dependencies.js";
import { verifyFolder } from "../../src/verification/verify-folder.js";
import {
  approveJob,
  buildRunnerCommand,
  buildTagJob,
  registerByRunner,
  runEnvelope,
  stagePushJob,
  waitForReceipt,
} from "../lab512/runner/commands.js";
import { toActorId } from "../lab512/runner/members.js";
import { createWorldKey, openWorld, TENANT, type World } from "../lab512/runner/world.js";
import { Clone } from "../repository/real-git.js";
import { copyStore } from "./store-copy.js";

/** Builds a merge that leaves the target to its plan. */
const buildMerge = (expected_source: string): Job => ({
  jobType: "git.registry.merge_protected",
  params: { project_id: "P.demo", source: "feature/a", target: "main", expected_source, strategy: "merge" },
});

/** Runs a job on a Runner, with an approved card from L3 on. */
async function runJob(
  world: World,
  deps: RunnerDependencies,
  job: Job,
  level?: "L3" | "L4" | "L5",
  more: Partial<Permit["scopes"]> = {},
): Promise<Receipt> {
  const scopes = level === undefined ? more : await approveJob(world, deps, job, level);
  const receipt = await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job, scopes })));
  expect(receipt.status, receipt.error).toBe("success");
  return receipt;
}

/** A registry's store with a merge and a release at L4. An attacker gets a copy, and the keys that the story names. */
export class AttackedRegistry {
  private constructor(
    readonly world: World,
    /** The Runner that makes the acts. */
    public deps: RunnerDependencies,
    /** Carol pushed what it brings to `main`. */
    readonly merge: Receipt,
    readonly release: Receipt,
    /** The commit that was merged and released. */
    readonly source: string,
  ) {}

  static async open(): Promise<AttackedRegistry> {
    const world = await openWorld();
    const deps = await world.openRunner();
    await registerByRunner(world, deps);
    const clone = new Clone();
    const base = clone.commit("a.txt", "one\n");
    await runJob(world, deps, await stagePushJob(world, clone.bundle("HEAD"), { branch: "feature/a" }));
    await runJob(world, deps, buildMerge(base), "L4");
    const source = clone.commit("b.txt", "two\n");
    const pushed = await stagePushJob(world, clone.bundle("HEAD"), { branch: "feature/a", expected_old: base });
    await runJob(world, deps, pushed, undefined, { actor_id: toActorId("carol") });
    const merge = await runJob(world, deps, buildMerge(source), "L4");
    const release = await runJob(world, deps, buildTagJob({ commit: source }), "L4");
    return new AttackedRegistry(world, deps, merge, release, source);
  }

  close(): Promise<void> {
    return this.world.close();
  }

  /** Runs a job, with an approved card from L3 on. */
  run(job: Job, level?: "L3" | "L4" | "L5"): Promise<Receipt> {
    return runJob(this.world, this.deps, job, level);
  }

  /** Returns the first thing that does not hold in a copy with these objects changed; undefined removes one. */
  async findMismatch(act: Receipt, objects: Readonly<Record<string, Uint8Array | undefined>>) {
    const folder = await copyStore(this.world.store, objects);
    const root = { tenant_id: TENANT, founding_jwk: (this.world.keys.founding.get(TENANT) ?? createWorldKey()).jwk };
    const { mismatch } = await verifyFolder({ folder, tenant_id: TENANT, root, act: act.jti });
    return mismatch === undefined ? undefined : { file: mismatch.file, member: mismatch.member, problem: mismatch.problem };
  }

  async readRecord({ logs_key }: Receipt): Promise<ReadRecord> {
    const parsed = parseActRecord((await this.world.store.blobs.get(logs_key)) ?? new Uint8Array(0));
    if (!parsed.ok) throw new Error(parsed.problem);
    return parsed.value;
  }

  /** What a Runner whose key was stolen can make: a record of its own, with a receipt and a claim that fit. */
  async forge(
    receipt: Receipt,
    change: (genuine: ReadRecord) => ReadRecord,
    more: Partial<Receipt> = {},
    changeClaim = (claim: Omit<Claim, "kid" | "sig">) => claim,
  ) {
    const { command, evidence } = change(await this.readRecord(receipt));
    const bytes = Buffer.from(toEvidenceLines(command, evidence).join(""));
    const logs_hash = hashBlake3Hex(bytes);
    const logs_key = receipt.logs_key.replace(receipt.logs_hash, logs_hash);
    const stored = claimSchema.parse(
      JSON.parse(Buffer.from((await this.world.store.blobs.get(toClaimKey(TENANT, receipt.jti))) ?? []).toString()),
    );
    const { kid: _, sig: __, ...unsigned } = stored;
    const statement_digests = evidence.statements.map((signed) => hashCanonical(signed));
    const claim: Claim = claimSchema.parse(signObject("claim", changeClaim({ ...unsigned, statement_digests }), this.world.keys.receipt));
    return {
      logs_key,
      objects: {
        ...{ [logs_key]: bytes, [toClaimKey(TENANT, receipt.jti)]: toCanonicalBytes(claim) },
        ...toReceipt(resign(receipt, { logs_hash, logs_key, ...more }, this.world.keys.receipt)),
      },
    };
  }
}

export type ReadRecord = Extract<ReturnType<typeof parseActRecord>, { ok: true }>["value"];

export const resign = ({ kid: _, sig: __, ...rest }: Receipt, changes: Partial<Receipt>, key: SigningKey): Receipt =>
  receiptSchema.parse(signObject("receipt", { ...rest, ...changes }, key));

export const toReceipt = (receipt: Receipt) => ({ [toReceiptKey(TENANT, receipt.jti)]: toCanonicalBytes(receipt) });
