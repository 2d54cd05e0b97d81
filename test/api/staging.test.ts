import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { toStagingKey } from "../../src/domain/storage-key.js";
import { buildPolicyWith, replaceLevel } from "../harness/policies.js";
import { type RunningApi, STAGED_MAX_BYTES, startApi, TENANT } from "./running-api.js";

let api: RunningApi;
/** A folder of this file's own: other tests upload at the same time, and kill processes that do. */
let temporary: string;
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), "ogr-own-"));
  vi.stubEnv("TMPDIR", temporary);
  api = await startApi("api-staging");
});
afterAll(async () => {
  await api.stop();
  vi.unstubAllEnvs();
  await rm(temporary, { recursive: true, force: true });
});

const put = (blake3: string, bytes: Uint8Array<ArrayBuffer>) =>
  api.call({ method: "PUT", path: `/v1/staging/${blake3}?tenant_id=${TENANT}`, raw: { bytes, type: "application/octet-stream" } });
const readStaged = (blake3: string) => api.deps.store.blobs.get(toStagingKey(TENANT, blake3));
const listLeftovers = async () => (await readdir(temporary)).filter((name) => name.startsWith("ogr-staging-"));
const createBytes = (length: number) => new Uint8Array(randomBytes(length));

test("bytes are stored once under their BLAKE3", async () => {
  const bytes = createBytes(1024 * 1024 + 7);
  const blake3 = hashBlake3Hex(bytes);
  expect(await put(blake3, bytes)).toMatchObject({ status: 201, body: { blake3, size_bytes: bytes.byteLength } });
  expect(await put(blake3, bytes)).toMatchObject({ status: 200 });
  expect(Buffer.from((await readStaged(blake3)) ?? []).equals(bytes)).toBe(true);
});

test("a staged policy can be read as a policy, and no other staged bytes, such as pushed commits, by who knows their hash", async () => {
  const read = (hash: string) => api.call({ method: "GET", path: `/v1/policies/${hash}?tenant_id=${TENANT}` });
  const commits = createBytes(1000);
  const policy = new Uint8Array(await buildPolicyWith((data) => replaceLevel(data, "L1", { permit_ttl_ms: 61_000 })));
  for (const bytes of [commits, policy]) await put(hashBlake3Hex(bytes), bytes);
  expect(await read(hashBlake3Hex(policy))).toMatchObject({ status: 200, body: { wasm: Buffer.from(policy).toString("base64") } });
  expect(await read(hashBlake3Hex(commits))).toMatchObject({ status: 404 });
});

test("an empty body can be staged", async () => {
  const empty = new Uint8Array(0);
  expect((await put(hashBlake3Hex(empty), empty)).status).toBe(201);
});

test("bytes with another BLAKE3 than the path names are not stored", async () => {
  const claimed = hashBlake3Hex(createBytes(8));
  expect(await put(claimed, createBytes(100))).toMatchObject({ status: 422, body: { code: "subject_hash_mismatch" } });
  expect(await readStaged(claimed)).toBeUndefined();
});

test("a body above the limit is 413, whether its length is declared or not", async () => {
  const bytes = createBytes(STAGED_MAX_BYTES + 1);
  const blake3 = hashBlake3Hex(bytes);
  expect(await put(blake3, bytes)).toMatchObject({ status: 413, body: { code: "too_large" } });
  const { status, text } = await sendChunked(blake3, bytes);
  expect([status, text]).toEqual([413, expect.stringContaining("too_large")]);
  expect(await readStaged(blake3)).toBeUndefined();
});

test("an interrupted upload leaves no files", async () => {
  const bytes = createBytes(5000);
  const blake3 = hashBlake3Hex(bytes);
  const { hostname, port } = new URL(api.url);
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(`${requestHead(blake3)}Content-Length: 5000\r\n\r\n`);
      socket.write(bytes.subarray(0, 100), () => setTimeout(() => socket.destroy(), 50));
    });
    socket.on("close", () => resolve());
    socket.on("error", reject);
  });
  await expect.poll(listLeftovers).toEqual([]);
  expect(await readStaged(blake3)).toBeUndefined();
});

test("staging refuses JSON, and a path that is no BLAKE3", async () => {
  const json = { bytes: "{}", type: "application/json" };
  expect((await api.call({ method: "PUT", path: `/v1/staging/${"a".repeat(64)}?tenant_id=${TENANT}`, raw: json })).status).toBe(415);
  expect(await put("A".repeat(64), createBytes(1))).toMatchObject({ status: 400, body: { errors: [{ field: "blake3" }] } });
});

const requestHead = (blake3: string) =>
  `PUT /v1/staging/${blake3}?tenant_id=${TENANT} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer ${api.getToken("ubl:sid:person:admin")}\r\nContent-Type: application/octet-stream\r\n`;

/** Sends a body without its length. */
async function sendChunked(blake3: string, bytes: Uint8Array<ArrayBuffer>) {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.byteLength; at += 65_536) controller.enqueue(bytes.subarray(at, at + 65_536));
      controller.close();
    },
  });
  const response = await fetch(`${api.url}/v1/staging/${blake3}?tenant_id=${TENANT}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${api.getToken("ubl:sid:person:admin")}`, "content-type": "application/octet-stream" },
    body: stream,
    duplex: "half",
  } as RequestInit);
  return { status: response.status, text: await response.text() };
}
