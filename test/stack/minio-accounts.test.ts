import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { foundPlaneKeys } from "../../src/stack/founding/store.js";
import { createS3Client } from "../../src/stack/servers/object-store.js";
import { createBucketPrefix, createRootClient, hasS3, requireS3Server } from "../harness/buckets.js";

const bytes = Buffer.from("bytes");
const denied = { code: "AccessDenied" };
const newSecret = (): string => randomBytes(20).toString("hex");

describe.skipIf(!hasS3())("the keys of the store that an operator chose", () => {
  const prefix = createBucketPrefix("accounts");
  const names = { LAB_256: `l256-${randomBytes(4).toString("hex")}`, LAB_512: `l512-${randomBytes(4).toString("hex")}` };
  const keysWith = (secret_key: string) => ({
    LAB_256: { access_key: names.LAB_256, secret_key },
    LAB_512: { access_key: names.LAB_512, secret_key },
  });
  const found = (secret: string) => foundPlaneKeys({ kind: "s3", ...requireS3Server() }, prefix, keysWith(secret));
  const client = (plane: keyof typeof names, secret_key: string) =>
    createS3Client({ ...requireS3Server(), access_key: names[plane], secret_key });

  test("do what their plane may and nothing more, and are replaced by a new secret", async () => {
    for (const bucket of ["claims", "receipts"]) await createRootClient().makeBucket(prefix + bucket);
    const [first, second] = [newSecret(), newSecret()];
    await found(first);
    await found(first);
    await client("LAB_256", first).putObject(`${prefix}claims`, "a", bytes);
    await expect(client("LAB_256", first).putObject(`${prefix}receipts`, "a", bytes)).rejects.toMatchObject(denied);
    await client("LAB_512", first).putObject(`${prefix}receipts`, "a", bytes);
    await expect(client("LAB_512", first).makeBucket(`${prefix}made`)).rejects.toMatchObject(denied);
    await found(second);
    await client("LAB_512", second).putObject(`${prefix}receipts`, "b", bytes);
    await expect(client("LAB_512", first).statObject(`${prefix}receipts`, "b")).rejects.toThrow();
  });

  test("are refused in the server's own words", async () => {
    await expect(found("short")).rejects.toThrow(/service account .* secret/i);
  });
});
