import { S3Error } from "minio";
import { StorageFault } from "../ports.js";
import { spaceNames } from "../spaces.js";
import type { S3Config } from "./config.js";
import { openSession } from "./session.js";

/** Creates every missing bucket. Idempotent. Throws {@link StorageFault} `denied` if the credentials do not allow it. */
export async function createBuckets(config: S3Config): Promise<void> {
  const session = openSession(config);
  try {
    for (const space of spaceNames) {
      const key = { full: `${space}/`, space, rest: "" };
      if (await session.perform("read", key, [], (client, bucket) => client.bucketExists(bucket))) continue;
      await session.perform("write", key, [], (client, bucket) =>
        client.makeBucket(bucket, config.region).catch((cause: unknown) => {
          const code = cause instanceof S3Error ? cause.code : undefined;
          // Another process has created it since the check.
          if (code === "BucketAlreadyOwnedByYou") return;
          if (code !== "BucketAlreadyExists") throw cause;
          throw new StorageFault("misconfigured", key.full, `The bucket ${bucket} belongs to another owner: set bucket_prefix.`, cause);
        }),
      );
    }
  } finally {
    session.close();
  }
}
