import { randomBytes } from "node:crypto";
import type { Client } from "minio";
import { inject } from "vitest";
import { createS3Client } from "../../src/stack/servers/object-store.js";
import type { ServerAddresses } from "../../src/stack/servers/server-addresses.js";

/** Creates a unique prefix of bucket names, so that test files do not share objects. */
export function createBucketPrefix(name: string): string {
  return `${name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 20)}-${randomBytes(4).toString("hex")}-`;
}

/** Returns the S3 server of this run. @throws if there is none. Guard such tests with `describe.skipIf(!hasS3())`. */
export function requireS3Server(): NonNullable<ServerAddresses["s3"]> {
  const { s3 } = inject("servers");
  if (!s3) throw new Error("this machine has no S3 server: put `minio` on PATH or install Go");
  return s3;
}

export function hasS3(): boolean {
  return inject("servers").s3 !== undefined;
}

/** Creates a client with root credentials. */
export function createRootClient(): Client {
  return createS3Client(requireS3Server());
}
