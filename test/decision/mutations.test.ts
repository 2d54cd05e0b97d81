import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import { CharterWalk } from "../../src/decision/charter/walk.js";
import { checkCardSignature } from "../../src/decision/judge-authority.js";
import type { CardRound } from "../../src/decision/judge-statement.js";
import { toCanonicalBytes, toCanonicalText } from "../../src/domain/bytes/canonical.js";
import { type SignedKind, signObject, verifySignedObject } from "../../src/domain/bytes/signature.js";
import { cardSchema } from "../../src/domain/card/card.js";
import { checkBinding, checkSubject } from "../../src/domain/permit/binding.js";
import { claimSchema } from "../../src/domain/permit/claim.js";
import { envelopeSchema } from "../../src/domain/permit/envelope.js";
import { receiptSchema } from "../../src/domain/permit/receipt.js";
import * as sample from "../domain/samples.js";
import { chooseExtent, chooseRuns } from "../harness/campaign.js";
import type { CharterWriter } from "./charter/charters.js";
import { refusePolicies } from "./charter/three-versions.js";
import { buildRound, buildStatement, changeMembers, judge, passkeys, readCharter, signStatement, writeCharter } from "./judging.js";

// An attacker who can change stored or sent bytes changes one member of a valid object, in any way. No result may be accepted.

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Lists the paths of all members and elements. */
function listPaths(value: Json, path: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => [[...path, name], ...listPaths(member, [...path, name])]);
}

const mutation = fc.record({ at: fc.nat(), how: fc.nat(), what: fc.nat() });
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

/** Returns a copy with one member changed, removed, renamed or replaced by another member's value. */
function mutate(original: Json, { at, how, what }: Mutation): Json {
  const copy = structuredClone(original);
  const paths = listPaths(copy);
  const path = paths[at % paths.length] ?? [];
  const read = (value: Json, steps: readonly string[]) =>
    steps.reduce((inner, name) => (inner as Record<string, Json>)[name] ?? null, value);
  const parent = read(copy, path.slice(0, -1)) as Record<string, Json>;
  const name = path.at(-1) ?? "";
  const value = parent[name] ?? null;
  const set = (next: Json) => {
    parent[name] = next;
  };
  const changes: (() => void)[] = [
    () => delete parent[name],
    () => set(null),
    () => set([value]),
    () => set(read(original, paths[what % paths.length] ?? [])),
    () => {
      delete parent[name];
      parent[`${name}_`] = value;
    },
  ];
  if (typeof value === "string") {
    const place = what % Math.max(1, value.length);
    const other = "abcdefABCDEF0123456789-_=+/ \u00e9"[what % 30] ?? "x";
    changes.push(
      () => set(value.slice(0, place) + other + value.slice(place + 1)),
      () => set(value.slice(0, place) + value.slice(place + 1)),
      () => set(value + other),
      () => set(value.toUpperCase()),
    );
  }
  if (typeof value === "number")
    changes.push(
      () => set(value + 1),
      () => set(value - 1),
      () => set(-value),
      () => set(2 ** 53),
    );
  if (typeof value === "boolean") changes.push(() => set(!value));
  changes[how % changes.length]?.();
  return copy;
}

const toJson = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json;

interface Subject {
  readonly original: Json;
  accepts(candidate: Json): boolean | Promise<boolean>;
  /** Reduces a candidate to what its signatures cover, because the rest can be changed by anyone. */
  cover?(candidate: Json): Json;
}

describe("a valid object with one change", () => {
  let writer: CharterWriter;
  let about: CardRound;
  const subjects = {} as Record<"command" | "card" | "statement" | "assertion" | "receipt" | "claim" | "charter entry", Subject>;

  beforeAll(async () => {
    writer = writeCharter();
    about = await buildRound(writer, { risk: "L4" });
    const { key } = sample;
    subjects.command = {
      original: toJson(sample.envelope),
      accepts(candidate) {
        const parsed = envelopeSchema.safeParse(candidate);
        return parsed.success && checkBinding(parsed.data, { keys: [key.jwk] }, "LAB_512").ok && checkSubject(parsed.data).ok;
      },
      // A permit does not bind the caller's own id of the job.
      cover: (candidate) => ({ ...(candidate as Record<string, Json>), jobId: null }),
    };
    const charter = await readCharter(writer);
    subjects.card = {
      original: toJson(about.card),
      accepts(candidate) {
        const parsed = cardSchema.safeParse(candidate);
        return parsed.success && checkCardSignature({ charter }, { card: parsed.data }).ok;
      },
      // The schema normalizes an intent and a context before anything reads them.
      cover: (candidate) => toJson(cardSchema.safeParse(candidate).data ?? candidate),
    };
    const signed = signStatement(buildStatement(about), passkeys.bob);
    const judged = async (candidate: unknown) => {
      const outcome = await judge(writer, about, candidate);
      return outcome.ok && outcome.value.admission.counts;
    };
    const { assertion, ...attested } = signed;
    subjects.statement = {
      original: toJson(attested),
      accepts: (candidate) => judged({ ...(candidate as object), ...(assertion === undefined ? {} : { assertion }) }),
    };
    const { response, id, ...rest } = assertion ?? { response: undefined, id: "" };
    const { userHandle: _, ...covered } = { userHandle: "", ...response };
    subjects.assertion = {
      original: toJson({ id, response: covered }),
      accepts: (candidate) => judged({ ...attested, assertion: { ...rest, ...(candidate as object) } }),
      // Another base64url spelling of the same bytes is the same assertion.
      cover(candidate) {
        const { id: ownId, response: own } = candidate as { id: Json; response: Record<string, Json> };
        const decode = (text: Json) => (typeof text === "string" ? Buffer.from(text, "base64url").toString("hex") : text);
        return typeof own === "object" && own !== null && !Array.isArray(own)
          ? { id: ownId, response: Object.fromEntries(Object.entries(own).map(([name, text]) => [name, decode(text)])) }
          : candidate;
      },
    };
    const toSigned = (
      kind: SignedKind,
      schema: z.ZodType<{ kid: string; sig: string }>,
      { kid: _kid, sig: _sig, ...value }: { kid: string; sig: string },
    ): Subject => ({
      original: toJson(signObject(kind, value, key)),
      accepts(candidate) {
        const parsed = schema.safeParse(candidate);
        return parsed.success && verifySignedObject(kind, parsed.data, { keys: [key.jwk] }) === "valid";
      },
    });
    subjects.receipt = toSigned("receipt", receiptSchema, sample.receipt);
    subjects.claim = toSigned("claim", claimSchema, sample.claim);
    const walk = new CharterWalk(writer.tenant_id, writer.key.jwk, refusePolicies);
    await walk.advance(writer.read);
    changeMembers(writer, { persons: { "person:dan": { name: "Dan", emails: ["dan@example.org"], passkeys: [], disabled: false } } });
    subjects["charter entry"] = {
      original: toJson(writer.entries.at(-1)),
      accepts: async (candidate) => (await walk.checkNext(toCanonicalBytes(candidate))).ok,
    };
  });

  it.each(["command", "card", "statement", "assertion", "receipt", "claim", "charter entry"] as const)(
    "is never accepted: %s",
    async (name) => {
      const { original, accepts, cover = (candidate) => candidate } = subjects[name];
      expect(await accepts(original), "the unchanged object is accepted").toBe(true);
      const covered = toCanonicalText(cover(original));
      await fc.assert(
        fc.asyncProperty(mutation, async (how) => {
          const candidate = mutate(original, how);
          fc.pre(toCanonicalText(cover(candidate)) !== covered);
          expect(await accepts(candidate), JSON.stringify(candidate)).toBe(false);
        }),
        chooseRuns(360),
      );
    },
    chooseExtent(60_000, 600_000),
  );
});
