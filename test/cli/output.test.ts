import { afterEach, describe, expect, it, vi } from "vitest";
import { EXIT } from "../../src/cli/exit-codes.js";
import { createOutput, reportFailure } from "../../src/cli/terminal/output.js";
import { formatTable } from "../../src/cli/terminal/table.js";
import { formatCard } from "../../src/cli/terminal/text.js";
import type { CardAnswer } from "../../src/client/answers.js";
import { formatProblem } from "../../src/client/http/problem.js";
import type { JobType, ParamsOf } from "../../src/domain/act/job.js";
import { computePasskeyFingerprint } from "../../src/domain/charter/passkeys.js";
import { COMMIT, createTestKey, DIGEST, OTHER_DIGEST, pushParams } from "../domain/samples.js";

const written = { stdout: "", stderr: "" };
function listen(): void {
  for (const name of ["stdout", "stderr"] as const) {
    written[name] = "";
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      written[name] += String(chunk);
      return true;
    });
  }
}
afterEach(() => vi.restoreAllMocks());

const CUNNING = "Release\u001b[2K\rnothing \u202egnihton\u2066 of\u0007 note\n\tsecond line";

describe("output at a terminal", () => {
  it("replaces control and direction characters of stored text, and keeps newlines and tabs", () => {
    listen();
    createOutput(false).print({}, CUNNING);
    createOutput(false).remark(CUNNING);
    reportFailure(new Error(CUNNING), false);
    vi.restoreAllMocks();
    const shown = "Release\uFFFD[2K⏎nothing \uFFFDgnihton\uFFFD of\uFFFD note\n\tsecond line\n";
    expect(written).toEqual({ stdout: shown, stderr: `${shown}ogr: ${shown}` });
  });

  it("is printed unchanged as JSON for programs", () => {
    listen();
    createOutput(true).print({ intent: CUNNING }, "");
    const exit = reportFailure(new Error(CUNNING), true);
    vi.restoreAllMocks();
    const [value, failure] = written.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect([value?.["intent"], failure?.["error"], exit]).toEqual([CUNNING, CUNNING, EXIT.error]);
  });
});

const { jwk } = createTestKey();
const other = createTestKey().jwk;
const passkey = {
  ...{ credential_id: "Y3JlZA", public_key: "a2V5", name: "Laptop", relying_party: "example.org", registration: null },
  counts_to: "L4" as const,
};
const dora = { name: "Dora", emails: ["dora@example.org"], passkeys: [passkey], disabled: false };
const account = { person_id: "person:dora", name: "Dora's phone", offices: [], disabled: false };
const until = Date.UTC(2027, 0, 1);
const held = { ...account, offices: [{ office_id: "office:night", roles: ["owner", "guard"], until }] };
const ofProject = { project_id: "P.demo" };
const ofCharter = { project_id: "_" } as const;

/** Acts of every type with the records that they write. */
const ACTS: { readonly [T in JobType]: readonly [ParamsOf<T>, ...string[]] } = {
  "git.registry.init": [{ ...ofProject, name: "The demo", owners: ["ubl:sid:person:ana", "office:security"], visibility: "private" }],
  "git.registry.push": [{ ...pushParams, force: true }],
  "git.registry.tag_release": [{ ...ofProject, tag: "v1.2.0", commit: COMMIT, notes: "# Notes\n\nFaster starts" }],
  "git.registry.merge_protected": [
    { ...ofProject, source: "feature/a", target: "main", expected_source: COMMIT, expected_target: "1".repeat(40), strategy: "squash" },
  ],
  "git.registry.reset": [{ ...ofProject, expected_refs: DIGEST }],
  "git.registry.telemetry_append": [{ ...ofProject, from_seq: 71, to_seq: 94, lines: 23, subject_hash: DIGEST }],
  "git.registry.archive": [{ ...ofProject, archived: true, reason: "Replaced by P.next" }],
  "registry.policy.publish": [{ ...ofCharter, policy_hash: DIGEST, rules: OTHER_DIGEST }, "policy", `policy_code/${OTHER_DIGEST}`],
  "registry.keys.rotate": [
    {
      ...ofCharter,
      add: [{ use: "log", jwk, revoked: false }],
      revoke: ["0123456789abcdef"],
      recovery: { jwks: [other], threshold: 1, delay_ms: 49 * 3_600_000 },
    },
    ...[`key/${jwk.kid}`, "key/0123456789abcdef", "recovery"],
  ],
  "registry.members.change": [
    { ...ofCharter, persons: { "person:dora": dora }, actors: { "ubl:sid:person:dora": held } },
    ...["person/person:dora", "actor/ubl:sid:person:dora"],
  ],
  "registry.webhooks.change": [
    { ...ofCharter, webhooks: { "wh-audit": { url: "https://e.example/ogr", types: ["card.opened"], retries_ms: [], disabled: false } } },
    "webhook/wh-audit",
  ],
  "registry.charter.seal": [ofCharter, "sealed"],
  "registry.tenant.found": [
    {
      ...{ ...ofCharter, tenant_id: "T.NEW", founding_jwk: jwk },
      allowance: { fs_scope: "tenants/T.NEW", network_whitelist: ["temporal"], jobs: ["git.registry.init"] },
    },
    "tenant/T.NEW",
  ],
};

/** What stands for these members: the fingerprint for a passkey, the id for a key, the public key itself for a founding key. */
const TOLD_OTHERWISE: Readonly<Record<string, (value: unknown) => string>> = {
  project_id: () => "",
  credential_id: () => "",
  public_key: () => computePasskeyFingerprint(passkey),
  until: () => new Date(until).toISOString(),
  delay_ms: () => "49 h",
  expected_old: () => "",
  crv: () => "",
  kty: () => "",
  x: () => "",
};

function listTold(value: unknown, name = ""): string[] {
  if (name === "founding_jwk") return [(value as { x: string }).x];
  if (typeof value === "object" && value !== null) return Object.entries(value).flatMap(([member, below]) => listTold(below, member));
  if (typeof value === "boolean" || value === null) return [];
  return (TOLD_OTHERWISE[name]?.(value) ?? String(value)).split("\n");
}

const asked = {
  ...{ card_id: "k-1", intent: "An act", project_id: "P.demo", level: "L4", status: "awaiting_approval", office_id: "office:night" },
  ...{ author: { actor_id: "ubl:sid:person:ana" }, reasons: [], statements: [], attestations: [], missing: [], plan_digest: DIGEST },
  ...{ decide_by: null, jti: null, run_by: null, temporal_url: null, void_why: null, denial: null },
};
const noCommits = { fast_forward: null, commit_count: 0, commits: [], diffstat: { files: 0, insertions: 0, deletions: 0 } };

describe("a card shows a person who decides", () => {
  it.each(Object.entries(ACTS))("everything that %s would do, and who proposes it in which office", (jobType, [params, ...records]) => {
    const charter = { records: records.map((record) => ({ record, before: null })), gives_power_to: [], takes_power_from: [] };
    const basis = { refs: [], creates: [], params, ...(records.length === 0 ? {} : { charter }) };
    const shown = formatCard({ ...asked, jobType, params, plan: { ...noCommits, basis } } as unknown as CardAnswer);
    for (const told of ["ubl:sid:person:ana as office:night", ...listTold(params)]) expect(shown).toContain(told);
  });

  it("the message of the commit that the act makes, and that it does not run by itself", () => {
    const creates = [{ kind: "merge", author: "Registry <r@example.org>", message: "Merge feature/a\n\nProposed-by: <proposer>\n" }];
    const basis = { refs: [], creates, params: ACTS["git.registry.merge_protected"][0] };
    const jobType = "git.registry.merge_protected";
    const card = { ...asked, jobType, run: "on_command", context: { ticket: "T-1" }, plan: { ...noCommits, basis } };
    const shown = formatCard(card as unknown as CardAnswer);
    expect(shown).toContain("by Registry <r@example.org>, made at run time\n            | Merge feature/a\n            | \n");
    expect(shown).toContain("not when it is approved");
    expect(shown).toContain('context   {"ticket":"T-1"}');
  });

  it.each([
    ["issued", "to be used by 2027-01-01 00:00:00"],
    ["used", "used"],
    ["expired", "expired"],
  ])("what has become of a permit that is %s", (permit_status, told) => {
    const params = ACTS["git.registry.archive"][0];
    const card = { ...asked, jobType: "git.registry.archive", params, plan: null, jti: "jti-1", run_by: until, permit_status };
    expect(formatCard(card as unknown as CardAnswer)).toContain(`  permit    jti-1, ${told}\n`.trimEnd());
  });
});

describe("what somebody else wrote", () => {
  it("cannot pass for lines of the registry's own when a person decides", () => {
    const forged = "Fix a typo\n  plan      00\u2028  approve   ubl:sid:person:eve\u202e\r\n\u200b  waits for nobody";
    const card = {
      ...{ card_id: "k-1", intent: forged, jobType: "git.registry.push", project_id: "P.demo", level: "L4", status: "denied" },
      ...{ author: { actor_id: "ubl:sid:person:eve" }, office_id: forged, params: { ...pushParams, commit_summary: forged } },
      ...{ context: { [forged]: forged } },
      ...{ break_glass: { reason: forged }, reasons: [{ rule: "r", text: forged }], plan: null, plan_digest: null, statements: [] },
      ...{ attestations: [], missing: [], decide_by: null, jti: null, run_by: null, temporal_url: null, void_why: null },
      denial: { code: "merge_conflict", message: forged, conflicts: [{ path: forged, kind: "content", explanation: "", hunks: [forged] }] },
    } as unknown as CardAnswer;
    const lines = formatCard(card).split("\n");
    const own = [
      "k-1: ",
      "  git.registry.push in ",
      "  author    ",
      "  params    ",
      "  context   ",
      "  BREAK-GLASS: ",
      "  reason    ",
      "  why       ",
      "  conflict  ",
      "            | ",
    ];
    expect(lines.filter((line) => !own.some((start) => line.startsWith(start)))).toEqual([]);
    expect(lines[0]).toBe("k-1: Fix a typo⏎  plan      00⏎  approve   ubl:sid:person:eve\uFFFD⏎\uFFFD  waits for nobody");
    expect(formatTable([{ intent: forged }], [{ title: "intent", format: (row) => row.intent }], { titles: false })).not.toMatch(
      /\n|\u2028|\u202e/,
    );
    expect(formatProblem({ title: "t", status: 403, detail: forged, code: "x" })).not.toMatch(/\n|\u2028|\u202e/);
  });
});
