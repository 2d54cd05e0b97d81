import { parseKey, parsePrefix } from "../key.js";
import { openSourceFile, receiveFile, writeChunks } from "../local-file.js";
import type { ObjectStore } from "../ports.js";
import type { S3Config } from "./config.js";
import { listKeys } from "./listing.js";
import { putBytes, putFile, readObject } from "./objects.js";
import { openSession } from "./session.js";

export function openS3Store(config: S3Config): ObjectStore {
  const session = openSession(config);
  const toOutcome = (version: string | undefined) => (version === undefined ? "exists" : "created");
  return {
    blobs: {
      get: async (key) => (await readObject(session, parseKey(key)))?.bytes,
      getToFile: async (key, path) => {
        const parsed = parseKey(key);
        return receiveFile(key, path, async (file) => {
          // A repeated read starts from the beginning and overwrites what the failed one left.
          const written = await session.perform("read", parsed, [404], async (client, bucket) => {
            await writeChunks(file, await client.getObject(bucket, parsed.rest));
            return true;
          });
          return written ?? false;
        });
      },
      stat: async (key) => {
        const parsed = parseKey(key);
        const found = await session.perform("read", parsed, [404], (client, bucket) => client.statObject(bucket, parsed.rest));
        return found && { sizeBytes: found.size };
      },
      create: async (key, bytes) => toOutcome(await putBytes(session, parseKey(key), null, bytes)),
      createFromFile: async (key, path) => {
        const parsed = parseKey(key);
        const file = await openSourceFile(key, path);
        return putFile(session, parsed, file)
          .then(toOutcome)
          .finally(() => file.close());
      },
      list: (prefix) => listKeys(session, parsePrefix(prefix)),
    },
    pointers: {
      read: async (key) => readObject(session, parseKey(key)),
      swap: async (key, expected, bytes) => {
        const version = await putBytes(session, parseKey(key), expected, bytes);
        return version === undefined ? { won: false } : { won: true, version };
      },
    },
    describe: () => `S3 at ${new URL(config.endpoint).origin}, region ${config.region}, buckets ${config.bucket_prefix ?? ""}<space>`,
    close: async () => session.close(),
  };
}
