import { randomBytes } from "node:crypto";
import type { Client } from "minio";
import { inject } from "vitest";
import { createS3Client } from "../../src/stack/servers/object-store.js";
import type { ServerAddresses } from "../../src/stack/servers/server-addresses.js";

/** A prefix of bucket names that only one test file has, so that files do not see each other's objects. */
export function createBucketPrefix(name: string): string {
  return `${name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 20)}-${randomBytes(4).toString("hex")}-`;
}

/** The S3 server of this run; throws where the machine has none (guard such tests with `describe.skipIf(!hasS3())`). */
export function requireS3Server(): NonNullable<ServerAddresses["s3"]> {
  const { s3 } = inject("servers");
  if (!s3) throw new Error("this machine has no S3 server: put `minio` on PATH or install Go");
  return s3;
}

export function hasS3(): boolean {
  return inject("servers").s3 !== undefined;
}

/** A client with root credentials. */
export function createRootClient(): Client {
  return createS3Client(requireS3Server());
}
