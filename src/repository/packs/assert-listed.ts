import { StorageFault } from "../../storage/ports.js";
import type { ObjectReader } from "../objects/object-reader.js";
import type { Refs } from "../refs/packed-refs.js";

/**
 * Proves after a download that the object of every ref is on the local disk. A listing that is older than the refs lacks their newest
 * packs and is not used; the next attempt lists again.
 *
 * @throws StorageFault `unavailable`
 */
export async function assertListed(reader: ObjectReader, refs: Refs, packsKey: string): Promise<void> {
  for (const [name, { id }] of refs)
    if ((await reader.readInfo(id)) === undefined)
      throw new StorageFault("unavailable", packsKey, `${name} is ${id}, but the store lists no pack with it yet; try again.`);
}
