import { type ObjectStore, StorageFault } from "./ports.js";

/** Creates a blob whose bytes follow from its key. Every writer writes the same, so an unknown outcome is settled by a look. */
export async function createBlob(store: ObjectStore, key: string, bytes: Uint8Array): Promise<void> {
  await settleWrite(
    () => store.blobs.create(key, bytes),
    async () => (await store.blobs.stat(key)) !== undefined,
  );
}

/** Runs a write; when its outcome is unknown, `isThere` decides. @throws the fault when it is not there, so that the caller's retry writes it. */
export async function settleWrite(write: () => Promise<unknown>, isThere: () => Promise<boolean>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!(error instanceof StorageFault) || error.code !== "outcome_unknown" || !(await isThere())) throw error;
  }
}
