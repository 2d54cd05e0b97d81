import http from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type BucketItem, Client, type ClientOptions } from "minio";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBucketPrefix, createRootClient, hasS3, requireS3Server } from "../harness/buckets.js";

/** The reasons why `src/storage/s3` does not use the client for everything. If a test fails, the code for its reason can be removed. */
const bucket = `${createBucketPrefix("client")}claims`;
const onlyIfFree = { "If-None-Match": "*" };

function clientOf(endpoint: string, options: Partial<ClientOptions> = {}): Client {
  const { hostname, port, protocol } = new URL(endpoint);
  const { access_key: accessKey, secret_key: secretKey, region } = requireS3Server();
  return new Client({ endPoint: hostname, port: Number(port), useSSL: protocol === "https:", accessKey, secretKey, region, ...options });
}

/** Sends like `http`, and calls `watch` before each request. */
function watchRequests(watch: (options: http.RequestOptions) => void): NonNullable<ClientOptions["transport"]> {
  return {
    request: (options: http.RequestOptions | string | URL, onAnswer?: unknown) => {
      if (typeof options !== "object" || options instanceof URL || typeof onAnswer !== "function") throw new TypeError("an unknown form");
      watch(options);
      return http.request(options, (answer) => onAnswer(answer));
    },
  };
}

describe.skipIf(!hasS3())("the minio client", () => {
  beforeAll(() => createRootClient().makeBucket(bucket));

  it("lists the name 0123 as 123", async () => {
    await createRootClient().putObject(bucket, "0123", "x");
    const items: BucketItem[] = await createRootClient().listObjectsV2(bucket, "0", true).toArray();
    expect(items.map(({ name }) => name)).toEqual(["123"]);
  });

  it("reads a whole stream before it sends the first byte of a single PUT", async () => {
    let producedBytes = 0;
    let producedBeforeRequest = 0;
    const produce = async function* () {
      for (; producedBytes < 20 * 1024 * 1024; producedBytes += 1024 * 1024) yield Buffer.alloc(1024 * 1024);
    };
    const client = clientOf(requireS3Server().endpoint, { transport: watchRequests(() => (producedBeforeRequest = producedBytes)) });
    await client.putObject(bucket, "streamed", Readable.from(produce(), { objectMode: false }), 20 * 1024 * 1024, onlyIfFree);
    expect(producedBeforeRequest).toBe(20 * 1024 * 1024);
  });

  it("drops the condition from the request that completes a multipart upload", async () => {
    const completing: unknown[] = [];
    const watch = ({ method, path, headers }: http.RequestOptions): void => {
      if (method === "POST" && path?.includes("uploadId=")) completing.push(headers);
    };
    const client = clientOf(requireS3Server().endpoint, { partSize: 5 * 1024 * 1024, transport: watchRequests(watch) });
    await client.putObject(bucket, "parts", Readable.from([Buffer.alloc(6 * 1024 * 1024)]), 6 * 1024 * 1024, onlyIfFree);
    expect(completing).toHaveLength(1);
    expect(completing[0]).not.toHaveProperty("if-none-match");
  });

  it("reports a missing bucket as a missing object in statObject", async () => {
    await expect(createRootClient().statObject(`${bucket}-none`, "x")).rejects.toMatchObject({ code: "NotFound" });
  });

  it("signs no body over TLS", () => {
    expect(clientOf("https://localhost:1").enableSHA256).toBe(false);
  });

  describe("with a failing server", () => {
    const server = http.createServer((request, response) => {
      if (request.url?.endsWith("silent") !== true) response.writeHead(503).end("busy".repeat(100_000));
    });
    let endpoint = "";

    beforeAll(async () => {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterAll(() => {
      server.closeAllConnections();
      server.close();
    });

    it("hides the status of a 503 and keeps the connection busy with the unread response", async () => {
      const transportAgent = new http.Agent({ keepAlive: true });
      const client = clientOf(endpoint, { transportAgent, retryOptions: { disableRetry: true } });
      const error: unknown = await client.getObject(bucket, "x").catch((cause: unknown) => cause);
      expect(error).toMatchObject({ name: "Error" });
      expect(Object.keys(error as Error)).toEqual([]);
      await sleep(200);
      expect(Object.values(transportAgent.sockets).flat()).toHaveLength(1);
      transportAgent.destroy();
    });

    it("repeats a conditional PUT after a 503 by default", async () => {
      let requests = 0;
      const client = clientOf(endpoint, { transport: watchRequests(() => (requests += 1)) });
      await expect(client.putObject(bucket, "x", "x", 1, onlyIfFree)).rejects.toThrow();
      expect(requests).toBe(2);
    });

    it("waits for a response without a timeout", async () => {
      const transportAgent = new http.Agent();
      const asking = clientOf(endpoint, { transportAgent }).statObject(bucket, "silent").then(String, String);
      expect(await Promise.race([asking, sleep(1_500, "waits")])).toBe("waits");
      transportAgent.destroy();
    });
  });
});
