import { expect } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import { lookUpMerge } from "../../src/client/merging.js";
import { verifyReceiptPact } from "../../src/client/offline/pact.js";
import { waitForCommandEnd } from "../../src/client/waiting.js";
import type { MergeStrategy } from "../../src/domain/act/job.js";
import { TENANT } from "../attacks/evidence.js";
import { type ActorAccess, type Job, PATIENCE_MS } from "../harness/acting.js";
import type { ServedRegistry } from "../harness/registry.js";

/** Builds the merge of a branch into `main` at their current tips. */
export async function buildMergeIntoMain(actors: ActorAccess, project_id: string, source: string, strategy: MergeStrategy): Promise<Job> {
  const { params, target_tip } = await lookUpMerge(actors.as("admin"), { project_id, source, target: "main", strategy });
  if (params === undefined) throw new Error(`${source} is not a branch of ${project_id}`);
  return { jobType: "git.registry.merge_protected", params: { ...params, expected_target: target_tip } };
}

/** Expects that the merge has one Pact, which its receipt names and which verifies. Returns its commit. */
export async function expectOnePact(registry: ServedRegistry, jti: string): Promise<string> {
  const author = registry.as("admin");
  const { receipt } = await waitForCommandEnd(author, jti, PATIENCE_MS);
  if (!receipt) throw new Error(`${jti} has no receipt`);
  const verdict = verifyReceiptPact(receipt, requireValue(await author.readPact(jti)), requireValue(await author.readPublicKeys()));
  if (!verdict.valid) throw new Error(verdict.why);
  expect(verdict.unproved).toEqual([]);
  const pacts: string[] = [];
  for await (const key of registry.store.blobs.list(`artifacts/${TENANT}/${receipt.project_id}/`))
    if (key.endsWith(`/${jti}/pact.dsse.json`)) pacts.push(key);
  expect(pacts).toHaveLength(1);
  return verdict.pact.predicate.merge.commit;
}
