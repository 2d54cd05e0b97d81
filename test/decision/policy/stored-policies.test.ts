import { expect, it } from "vitest";
import { hashPolicyRules, readPolicyData } from "../../../src/decision/policy/bytes.js";
import { StoredPolicies } from "../../../src/decision/policy/stored-policies.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import { toStagingKey } from "../../../src/domain/storage-key.js";
import { readDefaultPolicy } from "../../../src/stack/founding/policy.js";

/** Encodes a number below 2^28 as LEB128. */
const encodeLength = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...encodeLength(value >> 7)]);
const encodeSection = (id: number, bytes: Uint8Array): Uint8Array => Buffer.from([id, ...encodeLength(bytes.length), ...bytes]);

/** A module with valid data whose start function never returns. */
async function buildEndlessPolicy(): Promise<Uint8Array> {
  const data = toCanonicalBytes(readPolicyData(await readDefaultPolicy()));
  const name = Buffer.from("ogr.policy.data");
  return Buffer.concat([
    Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
    encodeSection(1, Buffer.from([1, 0x60, 0, 0])),
    encodeSection(3, Buffer.from([1, 0])),
    encodeSection(8, Buffer.from([0])),
    // loop; br 0; end; end
    encodeSection(10, Buffer.from([1, 7, 0, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b])),
    encodeSection(0, Buffer.concat([Buffer.from([name.length]), name, data])),
  ]);
}

// A member stages a policy and opens a card that publishes it. Whoever plans the card reads it.
it("the data and the hash of the rules are read without loading the rules", async () => {
  const bytes = await buildEndlessPolicy();
  const policies = new StoredPolicies(async () => bytes);
  const parts = await policies.readPolicyParts("T.UBL", hashBlake3Hex(bytes));
  expect(parts).toMatchObject({ ok: true, value: { rules_hash: hashPolicyRules(bytes), data: { version: expect.anything() } } });
});

it("staged bytes above the size of a policy are not read", async () => {
  const read: string[] = [];
  const policies = StoredPolicies.openStore({
    blobs: {
      get: async (key) => {
        read.push(key);
        return undefined;
      },
      stat: async () => ({ sizeBytes: 256 * 1024 * 1024 }),
    },
  });
  await expect(policies.readPolicyByHash("T.UBL", "a".repeat(64))).rejects.toThrow(/is missing/);
  expect(read).not.toContain(toStagingKey("T.UBL", "a".repeat(64)));
});

it("one tenant's missing policy does not fail another tenant's load of the same bytes", async () => {
  const bytes = await readDefaultPolicy();
  const hash = hashBlake3Hex(bytes);
  const policies = new StoredPolicies(async (tenantId) => (tenantId === "T.UBL" ? bytes : undefined));
  const [missing, found] = await Promise.allSettled(["T.OTHER", "T.UBL"].map((tenant) => policies.readPolicyByHash(tenant, hash)));
  expect([missing?.status, found?.status]).toEqual(["rejected", "fulfilled"]);
  await expect(policies.readPolicyByHash("T.OTHER", hash)).rejects.toThrow(/is missing/);
});
