import { readFile } from "node:fs/promises";
import type { CheckTarget } from "../../faults/check/invariants.js";
import { TENANT } from "../attacks/evidence.js";
import type { ServedRegistry } from "../harness/registry.js";

/** Describes a test's registry for the campaign's checker. @throws if the registry's store is not on S3. */
export async function toCheckTarget(
  { founded, databaseUrl, temporal }: ServedRegistry,
  promised: CheckTarget["promised"],
): Promise<CheckTarget> {
  const { rootStore } = founded;
  if (rootStore.kind !== "s3") throw new Error("The checker reads S3.");
  const receipt_jwks = JSON.parse(await readFile(founded.keys.receiptJwks, "utf8"));
  const store = { ...rootStore, bucket_prefix: rootStore.bucket_prefix ?? "", receipt_jwks };
  return { store, databaseUrl, temporal, tenant: TENANT, promised };
}
