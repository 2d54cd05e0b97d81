import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CharterWalk } from "../../../src/decision/charter/walk.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import { signEntry } from "../../../src/domain/charter/entry.js";
import type { Person } from "../../../src/domain/charter/records.js";
import { createTestKey } from "../../domain/samples.js";
import { chooseRuns } from "../../harness/campaign.js";
import { requireOutcome } from "../../harness/outcomes.js";
import { buildFounding, buildPerson, CharterWriter, POLICY } from "./charters.js";
import { expectDenied, NEW_POLICY, publish, refusePolicies, walkOf, writeThreeVersions } from "./three-versions.js";

describe("a walk along a charter", () => {
  it("computes the state from the entries and can be continued", async () => {
    const writer = writeThreeVersions();
    const walk = walkOf(writer);
    expect(requireOutcome(await walk.advance(writer.read))).toBe(3);
    expect(walk.state.find("policy")).toEqual({ policy_hash: NEW_POLICY });
    expect(walk.state.find("person", "person:dave")?.name).toBe("dave");
    expect(walk.state.hash).toBe(writer.state.hash);
    expect(requireOutcome(await walk.advance(writer.read))).toBe(0);
    writer.append(publish(POLICY));
    expect(requireOutcome(await walk.advance(writer.read))).toBe(1);
    expect(walk.state.find("policy")).toEqual({ policy_hash: POLICY });
  });

  it("reports an unknown tenant if there is no first entry", async () => {
    expect(await walkOf(new CharterWriter()).advance(async () => undefined)).toMatchObject({ denial: { code: "tenant_unknown" } });
  });

  it("refuses an entry signed by another key", async () => {
    const writer = writeThreeVersions();
    writer.sign({ change: publish(POLICY) }, createTestKey());
    await expectDenied(writer, /not signed by the tenant's founding key/, 3);
  });

  it("refuses an old entry in the place of the newest, so that an old policy cannot return", async () => {
    const writer = writeThreeVersions();
    const [first] = writer.entries;
    if (first === undefined) throw new Error("there is no entry");
    writer.entries.push(first);
    await expectDenied(writer, /it states version 1/, 3);
  });

  it("refuses an entry that follows another entry than the previous one", async () => {
    const [writer, other] = [writeThreeVersions(), new CharterWriter()];
    other.append(buildFounding(["ana", "bob", "mallory"]));
    writer.sign({ change: publish(POLICY), previous: "c".repeat(64) });
    await expectDenied(writer, /does not follow the previous entry/, 3);
  });

  it("refuses a gap", async () => {
    const writer = writeThreeVersions();
    writer.entries.splice(1, 1);
    await expectDenied(writer, /it states version 3/, 1);
  });

  it("refuses an entry of another tenant's charter", async () => {
    const writer = writeThreeVersions();
    writer.sign({ change: publish(POLICY), tenant_id: "T.OTHER" });
    await expectDenied(writer, /belongs to T\.OTHER/, 3);
  });

  it("refuses a change that names a wrong resulting state, and keeps the previous state", async () => {
    const writer = writeThreeVersions();
    const before = writer.state.hash;
    writer.sign({ change: publish(POLICY), state_hash: before });
    const walk = walkOf(writer);
    expect(await walk.advance(writer.read)).toMatchObject({
      ok: false,
      denial: { message: expect.stringContaining("does not lead to the state") },
    });
    expect(walk.state.hash).toBe(before);
  });

  it("refuses unknown rules", async () => {
    const writer = writeThreeVersions();
    writer.sign({ change: publish(POLICY), rules: 2 });
    await expectDenied(writer, /rules 2 are not known here/, 3);
  });

  it("refuses a second founding", async () => {
    const writer = writeThreeVersions();
    writer.sign({ change: buildFounding(["mallory"]) });
    await expectDenied(writer, /can found a charter/, 3);
  });

  it("refuses a non-canonical encoding: a duplicate member, a space or another order", async () => {
    const writer = writeThreeVersions();
    const text = Buffer.from(toCanonicalBytes(writer.entries[2])).toString("utf8");
    const spellings = [
      text.replace("{", '{"tenant_id":"T.OTHER",'),
      text.replace(":", ": "),
      JSON.stringify(Object.fromEntries(Object.entries(writer.entries[2] ?? {}).reverse())),
    ];
    for (const spelling of spellings) {
      const walk = walkOf(writer);
      const read = async (version: number) => (version === 3 ? Buffer.from(spelling) : writer.read(version));
      expect(await walk.advance(read)).toMatchObject({ ok: false, denial: { message: expect.stringContaining("not canonical JSON") } });
    }
  });

  it("refuses an entry with any changed byte", async () => {
    const writer = writeThreeVersions();
    const entries = await Promise.all([1, 2, 3].map(async (version) => (await writer.read(version)) ?? new Uint8Array()));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.nat(), fc.integer({ min: 1, max: 255 }), async (version, place, flip) => {
        const read = async (asked: number) => {
          const bytes = entries[asked - 1];
          if (bytes === undefined || asked !== version) return bytes;
          const changed = Uint8Array.from(bytes);
          const at = place % changed.length;
          changed[at] = (changed[at] ?? 0) ^ flip;
          return changed;
        };
        const walk = walkOf(writer);
        expect((await walk.advance(read)).ok).toBe(false);
        expect(walk.version).toBe(version - 1);
      }),
      chooseRuns(500),
    );
  });
});

describe("the persons of an address", () => {
  const emails = (...addresses: string[]) => ({ emails: addresses });
  const changePerson = (writer: CharterWriter, name: string, changes: Partial<Person>) =>
    writer.append({
      jobType: "registry.members.change",
      params: { persons: { [`person:${name}`]: buildPerson(name, changes) }, actors: {} },
    });
  const readPersons = async (writer: CharterWriter, addresses: readonly string[]) => {
    const walk = new CharterWalk(writer.tenant_id, writer.key.jwk, refusePolicies);
    requireOutcome(await walk.advance(writer.read));
    return walk.newest.listPersonsByEmail(addresses);
  };

  it("are found in any letter case and with spaces around it, each once and in order", async () => {
    const addresses = ["BOB@example.COM", " ana@Example.com ", "ana@example.com", "nobody@example.com", ""];
    expect(await readPersons(writeThreeVersions(), addresses)).toEqual(["person:ana", "person:bob"]);
    expect(await readPersons(writeThreeVersions(), [])).toEqual([]);
  });

  it("are all those for whom it was ever verified, also after a version that removes it or disables them", async () => {
    const writer = writeThreeVersions();
    changePerson(writer, "bob", emails("shared@example.com"));
    changePerson(writer, "carol", emails("shared@example.com", "carol@example.com"));
    changePerson(writer, "bob", emails());
    changePerson(writer, "carol", { disabled: true, ...emails() });
    expect(await readPersons(writer, ["bob@example.com"])).toEqual(["person:bob"]);
    expect(await readPersons(writer, ["shared@example.com"])).toEqual(["person:bob", "person:carol"]);
  });

  it("are only those of the same tenant", async () => {
    const other = new CharterWriter(undefined, "T.OTHER");
    other.append(buildFounding(["mallory"]));
    expect(await readPersons(other, ["ana@example.com", "mallory@example.com"])).toEqual(["person:mallory"]);
    expect(await readPersons(writeThreeVersions(), ["ana@example.com", "mallory@example.com"])).toEqual(["person:ana"]);
  });

  it("are not those of a change that was refused", async () => {
    const writer = writeThreeVersions();
    const mallory = { "person:mallory": buildPerson("mallory") };
    const change = { jobType: "registry.members.change", params: { persons: mallory, actors: {} } } as const;
    writer.sign({ change, state_hash: "0".repeat(64) });
    const walk = walkOf(writer);
    expect(await walk.advance(writer.read)).toMatchObject({ ok: false });
    expect(walk.newest.listPersonsByEmail(["mallory@example.com"])).toEqual([]);
  });
});

describe("an entry's signature", () => {
  it("covers the key id in its authority", async () => {
    const writer = writeThreeVersions();
    const other = createTestKey();
    const entry = writer.sign({ change: publish(POLICY) });
    const { authority: _, ...unsigned } = entry;
    const { authority } = signEntry(unsigned, other);
    if (authority.kind === "act") throw new Error("a signed entry has a signature");
    writer.entries[3] = { ...entry, authority: { ...authority, kid: writer.key.kid } };
    await expectDenied(writer, /not signed by the tenant's founding key/, 3);
  });
});
