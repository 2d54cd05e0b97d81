import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EMPTY_PATCH_HASH, hashSubject, omitPatch, omitPatchBytes, type PushParams } from "../../src/domain/act/job.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { signObject } from "../../src/domain/bytes/signature.js";
import type { Target } from "../../src/domain/ids.js";
import { checkBinding } from "../../src/domain/permit/binding.js";
import { type CommandEnvelope, envelopeSchema, hashEnvelope } from "../../src/domain/permit/envelope.js";
import { parseWith } from "../../src/domain/problems.js";
import { COMMIT, DIGEST, envelope, key, OTHER_DIGEST, permit, pushParams, unsignedPermit } from "./samples.js";

const patch = Buffer.from("diff --git a/a b/a\n").toString("base64");

describe("the binding of envelope and permit", () => {
  const keys = { keys: [key.jwk] };
  const checkForTarget = (of: CommandEnvelope, target: Target = of.target) => checkBinding(of, keys, target);
  const mismatch = (member: string) => ({
    ok: false,
    denial: { code: "permit_mismatch", message: `Envelope and permit differ in \`${member}\`.` },
  });

  test("holds for a permit's own envelope", () => {
    expect(checkForTarget(envelope)).toEqual({ ok: true, value: null });
  });

  test("fails for a permit of an unknown key and for a changed permit", () => {
    expect(checkBinding(envelope, { keys: [] }, "LAB_512")).toMatchObject({ denial: { code: "permit_key_unknown" } });
    const changed = { ...envelope, permit: { ...permit, exp: permit.exp + 1 } };
    expect(checkForTarget(changed)).toMatchObject({ denial: { code: "permit_signature_invalid" } });
  });

  test("fails on another target than that of permit and envelope", () => {
    expect(checkForTarget(envelope, "LAB_256")).toMatchObject({ denial: { code: "wrong_target" } });
    const elsewhere = signObject("permit", { ...unsignedPermit, aud: "runner:LAB_256" }, key);
    expect(checkForTarget({ ...envelope, permit: elsewhere })).toMatchObject({ denial: { code: "wrong_target" } });
  });

  const others = {
    jti: "0b9f1a52-7c1e-4c4d-9d0a-3f6a5c2e8b12",
    tenant_id: "T.OTHER",
    jobType: "git.registry.init",
    target: "LAB_256",
    subject_hash: DIGEST,
    policy_hash: DIGEST,
    office_id: "office:infra.deployer",
  } as const;

  test.each(Object.entries(others))("fails with the member's name if `%s` differs on either side", (member, other) => {
    expect(checkForTarget({ ...envelope, [member]: other } as CommandEnvelope)).toEqual(mismatch(member));
    const scopes = { ...unsignedPermit.scopes, ...(member === "jti" ? {} : { [member]: other }) };
    const jti = member === "jti" ? other : unsignedPermit.jti;
    const theirs = signObject("permit", { ...unsignedPermit, jti, scopes }, key);
    expect(checkForTarget({ ...envelope, permit: theirs })).toEqual(mismatch(member));
  });

  test("covers every common member", () => {
    const theirs = new Set([...Object.keys(permit), ...Object.keys(permit.scopes)]);
    expect(Object.keys(envelope).filter((member) => theirs.has(member))).toEqual(expect.arrayContaining(Object.keys(others)));
    expect(Object.keys(envelope).filter((member) => theirs.has(member))).toHaveLength(Object.keys(others).length);
  });
});

describe("the subject hash", () => {
  test("ignores the patch and nothing else", () => {
    const hash = hashSubject(pushParams);
    expect(hashSubject({ ...pushParams, patch })).toBe(hash);
    const others: Record<keyof Omit<PushParams, "patch">, unknown> = {
      project_id: "P.other",
      branch: "feature/other",
      expected_old: COMMIT,
      commit_summary: "feat: other",
      subject_hash: OTHER_DIGEST,
      force: true,
      delete: true,
    };
    for (const [member, other] of Object.entries(others)) expect(hashSubject({ ...pushParams, [member]: other }), member).not.toBe(hash);
  });

  test("does not depend on the order of members", () => {
    const shuffled = fc.shuffledSubarray(Object.entries(pushParams), { minLength: Object.keys(pushParams).length });
    fc.assert(
      fc.property(shuffled, (entries) => {
        expect(hashSubject(Object.fromEntries(entries) as unknown as PushParams)).toBe(hashSubject(pushParams));
      }),
    );
  });

  test("covers what the client sent, since parsing changes no member of the params", () => {
    const parsed = parseWith(envelopeSchema, JSON.parse(JSON.stringify(envelope)));
    expect(parsed).toEqual({ ok: true, value: envelope });
    expect(hashSubject(parsed.ok ? parsed.value.params : pushParams)).toBe(envelope.subject_hash);
  });

  test("of a deletion is the hash of no bytes", () => {
    expect(EMPTY_PATCH_HASH).toBe(hashBlake3Hex(new Uint8Array(0)));
  });
});

describe("an envelope in transit", () => {
  const carrying: CommandEnvelope = { ...envelope, jobType: "git.registry.push", params: { ...pushParams, patch } };

  test("omits its patch and nothing else", () => {
    expect(omitPatch({ ...pushParams, patch })).toEqual(pushParams);
    expect(omitPatch(pushParams)).toEqual(pushParams);
    expect(omitPatchBytes(carrying)).toEqual(envelope);
    expect(carrying.params).toHaveProperty("patch", patch);
  });

  test("has the same digest with an inline and a staged patch", () => {
    expect(hashEnvelope(carrying)).toBe(hashEnvelope(envelope));
  });

  test("has another digest if any other member changes", () => {
    const digest = hashEnvelope(envelope);
    expect(hashEnvelope({ ...envelope, jobId: "job-2" })).not.toBe(digest);
    expect(hashEnvelope({ ...envelope, permit: { ...permit, exp: permit.exp + 1 } })).not.toBe(digest);
    expect(hashEnvelope({ ...envelope, jobType: "git.registry.push", params: { ...pushParams, branch: "feature/b" } })).not.toBe(digest);
  });
});

describe("a parsed envelope", () => {
  test("names every bad field by its path", () => {
    const bad = {
      ...envelope,
      also: 1,
      target: "*",
      params: { ...pushParams, branch: "a b", more: 1 },
      permit: { ...permit, aud: "runner:*" },
    };
    const parsed = parseWith(envelopeSchema, bad);
    expect(parsed.ok).toBe(false);
    const fields = parsed.ok ? [] : parsed.problems.map((problem) => problem.field);
    expect(fields.sort()).toEqual(["also", "params.branch", "params.more", "permit.aud", "target"]);
  });

  test("is refused with the name of each missing member", () => {
    for (const member of Object.keys(envelope)) {
      const { [member]: _, ...rest } = envelope as unknown as Record<string, unknown>;
      const parsed = parseWith(envelopeSchema, rest);
      expect(parsed.ok ? [] : parsed.problems.map((problem) => problem.field)).toContain(member);
    }
  });
});
