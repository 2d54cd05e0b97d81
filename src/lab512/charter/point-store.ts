import type { PointStore } from "../../decision/charter/walk-points.js";
import { toWalkPointKey } from "../../domain/storage-key.js";
import type { ObjectStore } from "../../storage/ports.js";

/** Keeps the points of Runners in the object store. */
export function openPointStore({ pointers }: Pick<ObjectStore, "pointers">): PointStore {
  return {
    read: async (tenantId, kid) => (await pointers.read(toWalkPointKey(tenantId, kid)))?.bytes,
    async write(tenantId, kid, bytes) {
      const key = toWalkPointKey(tenantId, kid);
      const before = await pointers.read(key);
      // A lost swap means that another Runner with this key has kept one meanwhile, which serves as well.
      await pointers.swap(key, before?.version ?? null, bytes);
    },
  };
}
