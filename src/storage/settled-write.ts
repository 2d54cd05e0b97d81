import { type ObjectStore, StorageFault } from "./ports.js";

/** Creates a blob that may exist. If the outcome is unknown and the blob exists, returns `exists`. */
export async function createBlob({ blobs }: ObjectStore, key: string, bytes: Uint8Array): Promise<"created" | "exists"> {
  const answer = await settleWrite(
    () => blobs.create(key, bytes),
    async () => (await blobs.stat(key)) !== undefined,
  );
  return answer ?? "exists";
}

/**
 * Runs a write. If its outcome is unknown and `isThere` confirms it, returns undefined.
 *
 * @throws the fault if it is not there, so that the caller's retry writes it.
 */
export async function settleWrite<T>(write: () => Promise<T>, isThere: () => Promise<boolean>): Promise<T | undefined> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof StorageFault) || error.code !== "outcome_unknown" || !(await isThere())) throw error;
    return undefined;
  }
}
