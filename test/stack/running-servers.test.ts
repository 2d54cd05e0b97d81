import { Connection } from "@temporalio/client";
import pg from "pg";
import { describe, expect, inject, test } from "vitest";
import { createBucketPrefix, createRootClient, hasS3 } from "../harness/buckets.js";
import { createDatabase } from "../harness/database.js";
import { createNamespace } from "../harness/namespace.js";

describe("the servers of a test run", () => {
  test("a new database commits durably and can be dropped while it is in use", async () => {
    const database = await createDatabase("running servers");
    const client = new pg.Client({ connectionString: database.url });
    client.on("error", () => undefined);
    await client.connect();
    const { rows } = await client.query(
      "select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit, current_setting('server_encoding') as encoding",
    );
    expect(rows).toEqual([{ fsync: "on", commit: "on", encoding: "UTF8" }]);
    await database.drop();
    await expect(client.query("select 1")).rejects.toThrow();
    await client.end();
  });

  test("a new namespace has its search attributes as soon as it is returned", async () => {
    const namespace = await createNamespace("running-servers", ["OgrTenant", "OgrRunBy"]);
    const connection = await Connection.connect({ address: inject("servers").temporal_address });
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    await connection.close();
    expect(Object.keys(customAttributes)).toEqual(expect.arrayContaining(["OgrTenant", "OgrRunBy"]));
  });

  test.skipIf(!hasS3())("a new bucket stores an object", async () => {
    const [client, bucket] = [createRootClient(), `${createBucketPrefix("running")}staging`];
    await client.makeBucket(bucket);
    await client.putObject(bucket, "a", Buffer.from("bytes"));
    expect((await client.statObject(bucket, "a")).size).toBe(5);
  });
});
