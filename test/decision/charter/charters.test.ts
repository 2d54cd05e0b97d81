import { expect, it } from "vitest";
import { Charters } from "../../../src/decision/charter/charters.js";
import { createTestKey } from "../../domain/samples.js";
import { buildFounding, CharterWriter, POLICY, receiptKey, TENANT } from "./charters.js";

const NEW_POLICY = "b".repeat(64);
const publish = (policy_hash: string) => ({ jobType: "registry.policy.publish", params: { policy_hash } }) as const;

function openCharters(writer: CharterWriter) {
  const asked: string[] = [];
  const get = async (key: string) => {
    asked.push(key);
    return writer.read(Number(/(\d+)\.json$/.exec(key)?.[1]));
  };
  return {
    charters: new Charters({ blobs: { get, stat: async () => undefined } }, { tenant_id: TENANT, founding_jwk: writer.key.jwk }),
    asked,
  };
}

function writeCharter(): CharterWriter {
  const writer = new CharterWriter();
  writer.append(buildFounding());
  return writer;
}

it("each call reads the entry after the newest known one, so that a change is effective from the next call", async () => {
  const writer = writeCharter();
  const { charters, asked } = openCharters(writer);
  expect(await charters.readNewest(TENANT)).toMatchObject({ value: { version: 1, policy_hash: POLICY, sealed: false } });
  writer.append(publish(NEW_POLICY));
  expect(await charters.readNewest(TENANT)).toMatchObject({ value: { version: 2, policy_hash: NEW_POLICY } });
  expect(asked).toEqual([1, 2, 2, 3].map((version) => `charter/${TENANT}/${version}.json`));
});

it("concurrent calls each see every entry that was written before them", async () => {
  const writer = writeCharter();
  const { charters } = openCharters(writer);
  const first = charters.readNewest(TENANT);
  writer.append(publish(NEW_POLICY));
  const [, second] = await Promise.all([first, charters.readNewest(TENANT)]);
  expect(second).toMatchObject({ value: { version: 2, policy_hash: NEW_POLICY } });
});

it("a truncated chain does not revert the policy of a process that has read a newer entry", async () => {
  const writer = writeCharter();
  writer.append(publish(NEW_POLICY));
  const { charters } = openCharters(writer);
  await charters.readNewest(TENANT);
  writer.entries.pop();
  expect(await charters.readNewest(TENANT)).toMatchObject({ value: { version: 2, policy_hash: NEW_POLICY } });
});

it("a fork by the same founder is refused where it differs from the known chain", async () => {
  const writer = writeCharter();
  writer.append(publish(NEW_POLICY));
  const { charters } = openCharters(writer);
  await charters.readNewest(TENANT);
  const fork = new CharterWriter(writer.key);
  fork.append(buildFounding());
  fork.append(publish("c".repeat(64)));
  fork.append(publish(POLICY));
  writer.entries.splice(0, 3, ...fork.entries);
  expect(await charters.readNewest(TENANT)).toMatchObject({ ok: false, denial: { code: "charter_invalid" } });
});

it("an invalid entry denies every act and is read again on the next call, so that a repaired store works at once", async () => {
  const writer = writeCharter();
  const { charters } = openCharters(writer);
  writer.sign({ change: publish(NEW_POLICY), state_hash: "0".repeat(64) });
  expect(await charters.readNewest(TENANT)).toMatchObject({ ok: false, denial: { code: "charter_invalid" } });
  writer.entries.pop();
  expect(await charters.readNewest(TENANT)).toMatchObject({ value: { version: 1 } });
});

it("a tenant that the operator's charter does not name is unknown, and its charter is not read", async () => {
  const { charters, asked } = openCharters(writeCharter());
  expect(await charters.readNewest("T.NOBODY")).toMatchObject({ ok: false, denial: { code: "tenant_unknown" } });
  expect(asked).not.toContainEqual(expect.stringContaining("T.NOBODY"));
});

it("a key is valid from the version that adds it until the one that revokes it, for its own use", async () => {
  const writer = writeCharter();
  writer.append(publish(NEW_POLICY));
  const { charters } = openCharters(writer);
  const early = await charters.readNewest(TENANT);
  const second = createTestKey();
  const add = [{ use: "receipt", jwk: second.jwk, revoked: false }] as const;
  writer.append({ jobType: "registry.keys.rotate", params: { add: [...add], revoke: [receiptKey.kid] } });
  const newest = await charters.readNewest(TENANT);
  if (!early.ok || !newest.ok) throw new Error("the charter is not valid");
  const findIn = (kid: string, use: "receipt" | "permit" = "receipt") =>
    [0, 1, 2, 3, 4].map((version) => newest.value.findKeyAt(kid, use, { charter_version: version })?.kid);
  expect(findIn(receiptKey.kid)).toEqual([undefined, receiptKey.kid, receiptKey.kid, undefined, undefined]);
  expect(findIn(second.kid)).toEqual([undefined, undefined, undefined, second.kid, undefined]);
  expect(findIn(receiptKey.kid, "permit")).toEqual([undefined, undefined, undefined, undefined, undefined]);
  expect(findIn("0".repeat(16))).toEqual([undefined, undefined, undefined, undefined, undefined]);
  // An earlier answer stays usable: what was valid in a version never changes.
  expect(early.value.findKeyAt(receiptKey.kid, "receipt", { charter_version: 2 })).toEqual(receiptKey.jwk);
});
