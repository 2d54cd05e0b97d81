import { expect, it } from "vitest";
import { Charters } from "../../../src/decision/charter/charters.js";
import { buildFounding, CharterWriter, POLICY, TENANT } from "./charters.js";

const NEW_POLICY = "b".repeat(64);
const publish = (policy_hash: string) => ({ jobType: "registry.policy.publish", params: { policy_hash } }) as const;

function openCharters(writer: CharterWriter) {
  const asked: string[] = [];
  const get = async (key: string) => {
    asked.push(key);
    return writer.read(Number(/(\d+)\.json$/.exec(key)?.[1]));
  };
  return { charters: new Charters({ blobs: { get } }, new Map([[TENANT, writer.key.jwk]])), asked };
}

function writeCharter(): CharterWriter {
  const writer = new CharterWriter();
  writer.append(buildFounding());
  return writer;
}

it("every call asks for the entry after the newest known one, so that a change counts from the next call on", async () => {
  const writer = writeCharter();
  const { charters, asked } = openCharters(writer);
  expect(await charters.readNewest(TENANT)).toMatchObject({ value: { version: 1, policy_hash: POLICY, sealed: false } });
  writer.append(publish(NEW_POLICY));
  expect(await charters.readNewest(TENANT)).toMatchObject({ value: { version: 2, policy_hash: NEW_POLICY } });
  expect(asked).toEqual([1, 2, 2, 3].map((version) => `charter/${TENANT}/${version}.json`));
});

it("calls at the same moment each see what was written before they were made", async () => {
  const writer = writeCharter();
  const { charters } = openCharters(writer);
  const first = charters.readNewest(TENANT);
  writer.append(publish(NEW_POLICY));
  const [, second] = await Promise.all([first, charters.readNewest(TENANT)]);
  expect(second).toMatchObject({ value: { version: 2, policy_hash: NEW_POLICY } });
});

it("a chain that somebody cuts off brings no older policy back to a process that has used a newer one", async () => {
  const writer = writeCharter();
  writer.append(publish(NEW_POLICY));
  const { charters } = openCharters(writer);
  await charters.readNewest(TENANT);
  writer.entries.pop();
  expect(await charters.readNewest(TENANT)).toMatchObject({ value: { version: 2, policy_hash: NEW_POLICY } });
});

it("a chain that is replaced by another one of the same founder is refused where the two part", async () => {
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

it("a bad entry denies everything and is asked for again, so that a store that is mended serves at once", async () => {
  const writer = writeCharter();
  const { charters } = openCharters(writer);
  writer.sign({ change: publish(NEW_POLICY), state_hash: "0".repeat(64) });
  expect(await charters.readNewest(TENANT)).toMatchObject({ ok: false, denial: { code: "charter_invalid" } });
  writer.entries.pop();
  expect(await charters.readNewest(TENANT)).toMatchObject({ value: { version: 1 } });
});

it("a tenant without a founding key here is unknown, and nothing is read for it", async () => {
  const { charters, asked } = openCharters(writeCharter());
  expect(await charters.readNewest("T.NOBODY")).toMatchObject({ ok: false, denial: { code: "tenant_unknown" } });
  expect(asked).toEqual([]);
});
