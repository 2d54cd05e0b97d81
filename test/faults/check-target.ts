import { readFile } from "node:fs/promises";
import type { CheckTarget } from "../../faults/check/invariants.js";
import { TENANT } from "../attacks/evidence.js";
import type { TestRegistry } from "../harness/registry.js";

/** A test's registry, as the campaign's checker wants it named. @throws where the registry does not keep its objects on S3. */
export async function checkTargetOf(
  { founded, database_url, temporal }: TestRegistry,
  promised: CheckTarget["promised"],
): Promise<CheckTarget> {
  const { root_store } = founded;
  if (root_store.kind !== "s3") throw new Error("The checker reads S3.");
  const receipt_jwks = JSON.parse(await readFile(founded.keys.receipt_jwks, "utf8"));
  const store = { ...root_store, bucket_prefix: root_store.bucket_prefix ?? "", receipt_jwks };
  return { store, database_url, temporal, tenant: TENANT, promised };
}
