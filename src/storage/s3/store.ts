import type { ObjectStore } from "../ports.js";
import { s3Blobs } from "./blobs.js";
import type { S3Config } from "./config.js";
import { s3Pointers } from "./pointers.js";
import { openSession } from "./session.js";

export type { S3Config } from "./config.js";

export function openS3Store(config: S3Config): ObjectStore {
  const session = openSession(config);
  return {
    blobs: s3Blobs(session),
    pointers: s3Pointers(session),
    describe: () => session.describe(),
    close: async () => session.close(),
  };
}
