import { type ObjectStore, StorageFault } from "../../storage/ports.js";

/** Returns the new version, or undefined if the swap was lost or its outcome is unknown; the caller then reads again. */
export async function swapPointer(
  store: ObjectStore,
  key: string,
  expected: string | null,
  bytes: Uint8Array,
): Promise<string | undefined> {
  try {
    const result = await store.pointers.swap(key, expected, bytes);
    return result.won ? result.version : undefined;
  } catch (error) {
    if (error instanceof StorageFault && error.code === "outcome_unknown") return undefined;
    throw error;
  }
}
