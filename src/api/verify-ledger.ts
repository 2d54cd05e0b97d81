import { z } from "zod";
import { verifySignedObject } from "../domain/bytes/signature.js";
import { toRegistryContainer } from "../domain/ledger/event.js";
import { type SignedHead, signedHeadSchema } from "../domain/ledger/ledger-head.js";
import { toAnchorKey } from "../domain/storage-key.js";
import { readEntryHashes, verifyAnchors } from "../lab256/ledger/anchors.js";
import { verifyChain } from "../lab256/ledger/chain.js";
import { readStoredJson } from "../lab256/stored-json.js";
import type { ApiDependencies } from "./dependencies.js";

export const ledgerReportSchema = z.object({
  ok: z.boolean(),
  container: z.string(),
  entries: z.number(),
  head: z.object({ seq: z.number(), hash: z.string() }).nullable(),
  anchors_checked: z.number(),
  /** The first defect, in a sentence. */
  problem: z.string().optional(),
});
type LedgerReport = z.infer<typeof ledgerReportSchema>;

/** The newest anchors suffice, because every hash of the chain commits to all entries before it. */
const ANCHORS_MAX = 1000;

/** Recomputes a tenant's chain from its payloads and compares it with the signed heads in the object store. */
export async function verifyLedger(deps: Pick<ApiDependencies, "db" | "store" | "jwks">, tenantId: string): Promise<LedgerReport> {
  const container = toRegistryContainer(tenantId);
  const chain = await verifyChain(deps.db, container);
  if (!chain.ok) return { ok: false, container, entries: chain.break.seq - 1, head: null, anchors_checked: 0, problem: chain.break.text };
  const { head } = chain;
  const read = await readAnchors(deps, tenantId, container);
  const report = { container, entries: head.seq, head, anchors_checked: read.anchors.length };
  if (read.problem !== undefined) return { ok: false, ...report, problem: read.problem };
  const hashes = await readEntryHashes(
    deps.db,
    container,
    read.anchors.map(({ seq }) => seq),
  );
  const verdict = verifyAnchors(hashes, read.anchors);
  return verdict.ok ? { ok: true, ...report } : { ok: false, ...report, problem: verdict.text };
}

async function readAnchors(deps: Pick<ApiDependencies, "store" | "jwks">, tenantId: string, container: string) {
  const anchors: SignedHead[] = [];
  for (const key of await listNewestAnchorKeys(deps, tenantId)) {
    const anchor = await readStoredJson(deps.store, key, signedHeadSchema);
    if (anchor === undefined)
      return { anchors, problem: `The anchor ${key} is not a signed head; find out who wrote it to the object store.` };
    const isGenuine = anchor.container === container && verifySignedObject("head", anchor, deps.jwks) === "valid";
    if (!isGenuine || toAnchorKey(tenantId, anchor.seq) !== key)
      return { anchors, problem: `The anchor ${key} is not signed by this registry for this chain; find out who wrote it.` };
    anchors.push(anchor);
  }
  return { anchors };
}

/** The store lists keys in order, the newest last. */
async function listNewestAnchorKeys({ store }: Pick<ApiDependencies, "store">, tenantId: string): Promise<string[]> {
  let keys: string[] = [];
  for await (const key of store.blobs.list(`anchors/${tenantId}/`)) {
    keys.push(key);
    if (keys.length >= 2 * ANCHORS_MAX) keys = keys.slice(-ANCHORS_MAX);
  }
  return keys.slice(-ANCHORS_MAX);
}
