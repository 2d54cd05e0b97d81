import { spaceNames } from "../../src/storage/spaces.js";
import { createRootClient } from "../harness/buckets.js";

/** The objects of a registry by bucket and name. */
export type BucketCopy = ReadonlyMap<string, ReadonlyMap<string, Buffer>>;

/** Copies all buckets whose names begin with `prefix`. */
export async function copyBuckets(prefix: string): Promise<BucketCopy> {
  const client = createRootClient();
  const copy = new Map<string, Map<string, Buffer>>();
  for (const space of spaceNames) {
    const objects = new Map<string, Buffer>();
    for (const name of await listNames(`${prefix}${space}`)) {
      const chunks: Buffer[] = [];
      for await (const chunk of await client.getObject(`${prefix}${space}`, name)) chunks.push(chunk as Buffer);
      objects.set(name, Buffer.concat(chunks));
    }
    copy.set(`${prefix}${space}`, objects);
  }
  return copy;
}

/** Restores the buckets to their state at the copy. */
export async function restoreBuckets(copy: BucketCopy): Promise<void> {
  const client = createRootClient();
  for (const [bucket, objects] of copy) {
    for (const name of await listNames(bucket)) if (!objects.has(name)) await client.removeObject(bucket, name);
    for (const [name, bytes] of objects) await client.putObject(bucket, name, bytes, bytes.length);
  }
}

async function listNames(bucket: string): Promise<string[]> {
  const found: string[] = [];
  for await (const item of createRootClient().listObjectsV2(bucket, "", true) as AsyncIterable<{ name?: string }>)
    if (item.name !== undefined) found.push(item.name);
  return found;
}
