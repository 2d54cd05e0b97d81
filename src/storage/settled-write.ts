import { type ObjectStore, StorageFault } from "./ports.js";

/** Creates a blob that may exist. When the outcome is unknown and the blob is there, it counts as existing. */
export async function createBlob({ blobs }: ObjectStore, key: string, bytes: Uint8Array): Promise<"created" | "exists"> {
  const answer = await settleWrite(
    () => blobs.create(key, bytes),
    async () => (await blobs.stat(key)) !== undefined,
  );
  return answer ?? "exists";
}

/**
 * Runs a write. When its outcome is unknown, `isThere` decides, and there is no answer. @throws the fault when it is not there, so that the
 * caller's retry writes it.
 */
export async function settleWrite<T>(write: () => Promise<T>, isThere: () => Promise<boolean>): Promise<T | undefined> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof StorageFault) || error.code !== "outcome_unknown" || !(await isThere())) throw error;
    return undefined;
  }
}
