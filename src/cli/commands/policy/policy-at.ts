import { readFile } from "node:fs/promises";
import { fetchPolicyBytes } from "../../../client/charter.js";
import { requireValue } from "../../../client/http/problem.js";
import type { RegistryClient } from "../../../client/http/registry-client.js";
import { PolicyBytesError } from "../../../decision/policy/bytes.js";
import { loadPolicy, type Policy } from "../../../decision/policy/policy.js";
import { BLAKE3_HEX } from "../../../domain/bytes/hash.js";
import { UsageError } from "../../failure.js";

/** A loaded policy with its bytes. */
export interface LoadedPolicy {
  readonly bytes: Uint8Array;
  readonly policy: Policy;
}

/**
 * Reads and loads the policy of a hash or a file; without `place`, the tenant's active policy. A file needs no registry. @throws UsageError if a
 * file is no policy
 */
export async function readPolicyAt(place: string | undefined, openClient: () => Promise<RegistryClient>): Promise<LoadedPolicy> {
  if (place !== undefined && !BLAKE3_HEX.test(place)) return readPolicyFile(place);
  const registry = await openClient();
  const hash = place ?? requireValue(await registry.readCharter()).policy_hash;
  const bytes = await fetchPolicyBytes(registry, hash);
  const policy = await loadPolicy(bytes);
  if (policy.hash !== hash) throw new Error(`The registry answered with the policy ${policy.hash} when it was asked for ${hash}.`);
  return { bytes, policy };
}

/** Reads and loads a policy. @throws UsageError */
export async function readPolicyFile(path: string): Promise<LoadedPolicy> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${path} cannot be read (${error.code}); name a policy's file or its hash.`);
  });
  return { bytes, policy: await requirePolicy(path, () => loadPolicy(bytes)) };
}

/** Reports that bytes are no policy as an error of whom named them. @throws UsageError */
export async function requirePolicy<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PolicyBytesError) throw new UsageError(`${what}: ${error.message}`);
    throw error;
  }
}
