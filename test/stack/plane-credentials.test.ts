import type { Client } from "minio";
import { beforeAll, describe, expect, test } from "vitest";
import { assumeRole, type Plane } from "../../src/stack/founding/plane-credentials.js";
import { createS3Client } from "../../src/stack/servers/object-store.js";
import { createBucketPrefix, createRootClient, hasS3, requireS3Server } from "../harness/buckets.js";

const prefix = createBucketPrefix("planes");
const buckets = ["repos", "registry-metadata", "staging", "claims", "ends", "receipts"];
const bytes = Buffer.from("bytes");
const denied = { code: "AccessDenied" };

async function createPlaneClient(plane: Plane): Promise<Client> {
  const server = { kind: "s3", ...requireS3Server() } as const;
  return createS3Client({ ...server, ...(await assumeRole(server, { plane, bucketPrefix: prefix })) });
}

describe.skipIf(!hasS3())("the object store credentials", () => {
  let [lab256, lab512]: Client[] = [];

  beforeAll(async () => {
    const root = createRootClient();
    for (const bucket of buckets) {
      await root.makeBucket(prefix + bucket);
      await root.putObject(prefix + bucket, "there", bytes);
    }
    await root.makeBucket(`other-${prefix}repos`);
    [lab256, lab512] = await Promise.all([createPlaneClient("LAB_256"), createPlaneClient("LAB_512")]);
  });

  test.each(["repos", "registry-metadata", "claims", "receipts"])("of LAB 256 read %s and do not write it", async (bucket) => {
    await expect(lab256?.statObject(prefix + bucket, "there")).resolves.toMatchObject({ size: 5 });
    await expect(lab256?.putObject(prefix + bucket, "new", bytes)).rejects.toMatchObject(denied);
    await expect(lab256?.removeObject(prefix + bucket, "there")).rejects.toMatchObject(denied);
  });

  test.each(["staging", "ends"])("of LAB 256 create in %s and delete nothing there", async (bucket) => {
    await lab256?.putObject(prefix + bucket, "new", bytes, bytes.length, { "If-None-Match": "*" });
    await expect(lab256?.removeObject(prefix + bucket, "new")).rejects.toMatchObject(denied);
  });

  test("of LAB 512 can read, list and write every bucket of the deployment", async () => {
    for (const bucket of buckets) {
      await lab512?.putObject(prefix + bucket, "runner", bytes);
      const listed = await lab512?.listObjectsV2(prefix + bucket, "", true).toArray();
      expect(listed?.map(({ name }: { name: string }) => name)).toEqual(expect.arrayContaining(["runner", "there"]));
    }
  });

  test.each(["LAB_256", "LAB_512"] as const)("of %s cannot administer buckets or access other buckets", async (plane) => {
    const client = plane === "LAB_256" ? lab256 : lab512;
    await expect(client?.makeBucket(`${prefix}made`)).rejects.toMatchObject(denied);
    await expect(client?.setBucketPolicy(`${prefix}repos`, "")).rejects.toMatchObject(denied);
    await expect(client?.putObject(`other-${prefix}repos`, "new", bytes)).rejects.toMatchObject(denied);
    await expect(client?.listObjectsV2(`other-${prefix}repos`, "", true).toArray()).rejects.toMatchObject(denied);
  });

  test("cannot be exchanged for other credentials", async () => {
    const server = { kind: "s3", ...requireS3Server() } as const;
    const own = await assumeRole(server, { plane: "LAB_256", bucketPrefix: prefix });
    await expect(assumeRole({ ...server, ...own }, { plane: "LAB_512", bucketPrefix: prefix })).rejects.toThrow();
  });
});
