import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatChangelogLine, parseChangelog } from "../../src/infra/changelog.js";
import { applyCommand, type InfraCommand } from "../../src/infra/command.js";
import { createEmptyRegistry, formatRegistry, type InfraRegistry, parseRegistry } from "../../src/infra/model.js";
import type { InfraRefusalCode } from "../../src/infra/refusal.js";
import { replayChangelog } from "../../src/infra/replay.js";
import { chooseRuns } from "../harness/campaign.js";
import { buildRegisterCommand, buildRepoEntry, buildUnregisterCommand, formatRegistryOfOrgs, NOW, requireRegistry } from "./samples.js";

const shop = { acme: { telemetry_repo: "acme/telemetry", repos: { shop: buildRepoEntry(), Old: buildRepoEntry({ state: "disabled" }) } } };
const start = requireRegistry(formatRegistryOfOrgs(shop));

function runInfraCommand(command: InfraCommand, registry: InfraRegistry = start) {
  return applyCommand(registry, command, NOW);
}

describe("a command is refused with a code and the remedy for", () => {
  const cases: [string, InfraCommand, InfraRefusalCode, RegExp][] = [
    ["a name without an org", buildRegisterCommand("site"), "repository_invalid", /<org>\/<repo>/],
    ["a name with a path", buildRegisterCommand("acme/site/x"), "repository_invalid", /<org>\/<repo>/],
    ["a name that leaves the folder", buildRegisterCommand("acme/.."), "repository_invalid", /<org>\/<repo>/],
    ["a name that a registry cannot store", buildRegisterCommand("acme/__proto__"), "repository_invalid", /<org>\/<repo>/],
    [
      "telemetry into a name that a registry cannot store",
      buildRegisterCommand("new/site", { telemetry_repo: "new/__proto__" }),
      "telemetry_repo_invalid",
      /<org>\/<repo>/,
    ],
    [
      "a missing context",
      buildRegisterCommand("acme/site", { context: undefined }),
      "context_missing",
      /--context sandbox or --context production/,
    ],
    ["an unknown context", buildRegisterCommand("acme/site", { context: "prod" }), "context_unknown", /sandbox or production/],
    ["a context in capitals", buildRegisterCommand("acme/site", { context: "Sandbox" }), "context_unknown", /sandbox or production/],
    [
      "the first repository of an org without telemetry",
      buildRegisterCommand("new/site", { telemetry_repo: undefined }),
      "telemetry_repo_missing",
      /--telemetry-repo new\/<repo>/,
    ],
    [
      "telemetry into another org",
      buildRegisterCommand("acme/site", { telemetry_repo: "other/telemetry" }),
      "telemetry_cross_org",
      /--telemetry-repo acme\/<repo>/,
    ],
    [
      "telemetry of a new org into a registered one",
      buildRegisterCommand("new/site", { telemetry_repo: "acme/telemetry" }),
      "telemetry_cross_org",
      /new\/<repo>/,
    ],
    [
      "telemetry that differs from the org's",
      buildRegisterCommand("acme/site", { telemetry_repo: "acme/other" }),
      "telemetry_repo_differs",
      /acme\/telemetry/,
    ],
    [
      "telemetry without an org",
      buildRegisterCommand("acme/site", { telemetry_repo: "telemetry" }),
      "telemetry_repo_invalid",
      /<org>\/<repo>/,
    ],
    ["a registered repository", buildRegisterCommand("acme/shop"), "already_registered", /unregister it first/],
    ["a registered and disabled repository", buildRegisterCommand("acme/Old"), "already_registered", /enable it instead/],
    ["a name that differs in its case", buildRegisterCommand("acme/Shop"), "name_twin", /acme\/shop/],
    ["an org that differs in its case", buildRegisterCommand("ACME/site", { telemetry_repo: "ACME/telemetry" }), "name_twin", /acme\/site/],
    ["disabling an unregistered repository", { action: "disable", name: "acme/none" }, "not_registered", /of acme there are shop, Old/],
    ["disabling a disabled repository", { action: "disable", name: "acme/Old" }, "already_disabled", /nothing to change/],
    ["enabling an enabled repository", { action: "enable", name: "acme/shop" }, "already_enabled", /nothing to change/],
    [
      "unregistering without confirmation",
      { ...buildUnregisterCommand("acme/shop"), confirmDelete: false } as InfraCommand,
      "confirm_delete_missing",
      /--confirm-delete/,
    ],
    ["unregistering an unregistered repository", buildUnregisterCommand("acme/none"), "not_registered", /ogr infra list/],
    ["a reason that a file cannot store", { action: "disable", name: "acme/shop", reason: "\ud800" }, "reason_invalid", /Unicode/],
  ];

  it.each(cases)("%s", (_, command, code, sentence) => {
    const found = runInfraCommand(command);
    expect(found).toMatchObject({ ok: false, refusal: { code } });
    expect(found.ok ? "" : found.refusal.message).toMatch(sentence);
  });
});

describe("an accepted command", () => {
  it("writes a complete line of the changelog", () => {
    const found = runInfraCommand(
      buildRegisterCommand("acme/site", { telemetry_repo: undefined, reason: undefined, context: "production" }),
    );
    expect(found.ok && found.value.line).toEqual({
      timestamp: NOW,
      action: "register",
      owner: "acme",
      repo: "site",
      context: "production",
      telemetry_repo: "acme/telemetry",
      reason: "",
      process: "infra-cli",
      schema_version: "2.0",
    });
  });

  it("changes its own entry and no byte of the others", () => {
    const found = runInfraCommand({ action: "disable", name: "acme/shop", reason: "Sold" });
    const text = formatRegistryOfOrgs({
      acme: { ...shop.acme, repos: { ...shop.acme.repos, shop: buildRepoEntry({ state: "disabled", reason: "Sold" }) } },
    });
    expect(found.ok && formatRegistry(found.value.registry)).toBe(text);
  });

  it("adds a repository at the end of its org and changes no byte of the others", () => {
    const found = runInfraCommand(buildRegisterCommand("acme/site"));
    const text = formatRegistryOfOrgs({ acme: { ...shop.acme, repos: { ...shop.acme.repos, site: buildRepoEntry() } } });
    expect(found.ok && formatRegistry(found.value.registry)).toBe(text);
  });

  it("adds the first repository of an org with the org's telemetry repository", () => {
    const found = runInfraCommand(buildRegisterCommand("globex/site"));
    const text = formatRegistryOfOrgs({ ...shop, globex: { telemetry_repo: "globex/telemetry", repos: { site: buildRepoEntry() } } });
    expect(found.ok && formatRegistry(found.value.registry)).toBe(text);
  });

  it("removes the org with its last repository, so that no telemetry routing is inherited", () => {
    const one = runInfraCommand(buildUnregisterCommand("acme/shop"));
    const none = one.ok ? runInfraCommand(buildUnregisterCommand("acme/Old"), one.value.registry) : one;
    expect(none.ok && [...none.value.registry.orgs.keys()]).toEqual([]);
    expect(none.ok && runInfraCommand(buildRegisterCommand("acme/site", { telemetry_repo: undefined }), none.value.registry)).toMatchObject(
      {
        refusal: { code: "telemetry_repo_missing" },
      },
    );
  });
});

const owners = fc.constantFrom("acme", "acme", "T.UBL", "T.UBL", "42", "Acme");
const repos = fc.constantFrom("site", "P.demo", "7", "Site", "constructor");
const names = fc.oneof(
  { weight: 9, arbitrary: fc.tuple(owners, repos).map((parts) => parts.join("/")) },
  { weight: 1, arbitrary: fc.string() },
);
const reason = fc.option(fc.string({ unit: "grapheme" }), { nil: undefined });
const declaredContext = fc.option(fc.constantFrom("sandbox", "production", "sandbox", "production", "staging"), { nil: undefined });
const ownTelemetry = names.map((name) => ({ name, telemetry_repo: `${name.split("/")[0]}/telemetry` }));
const commands: fc.Arbitrary<InfraCommand> = fc.oneof(
  fc
    .tuple(ownTelemetry, declaredContext, reason)
    .map(([own, context, why]) => ({ action: "register" as const, ...own, context, reason: why })),
  fc.record({
    action: fc.constant("register" as const),
    name: names,
    context: declaredContext,
    telemetry_repo: fc.option(
      fc.tuple(owners, fc.constantFrom("telemetry", "other")).map((parts) => parts.join("/")),
      { nil: undefined },
    ),
    reason,
  }),
  fc.record({ action: fc.constantFrom("disable" as const, "enable" as const), name: names, reason }),
  fc.record({ action: fc.constant("unregister" as const), name: names, confirmDelete: fc.boolean(), reason }),
);

describe("any sequence of commands", () => {
  it("keeps every rule, never changes a context in place, and its changelog replays to the same bytes", () => {
    let mutations = 0;
    fc.assert(
      fc.property(fc.array(commands, { minLength: 20, maxLength: 60, size: "max" }), (sequence) => {
        let registry = createEmptyRegistry();
        let changelog = "";
        for (const command of sequence) {
          const before = formatRegistry(registry);
          const next = applyCommand(registry, command, NOW);
          expect(formatRegistry(registry)).toBe(before);
          if (!next.ok) continue;
          mutations += 1;
          expectRules(registry, next.value.registry, command);
          registry = next.value.registry;
          changelog += formatChangelogLine(next.value.line);
        }
        const lines = parseChangelog(changelog);
        const again = lines.ok ? replayChangelog(lines.value, createEmptyRegistry()) : undefined;
        expect(again?.ok && formatRegistry(again.value)).toBe(formatRegistry(registry));
      }),
      chooseRuns(300),
    );
    expect(mutations).toBeGreaterThan(500);
  });
});

/** Checks the rules of the document on the text, without the code under test. */
function expectRules(before: InfraRegistry, after: InfraRegistry, command: InfraCommand): void {
  const text = formatRegistry(after);
  expect(parseRegistry(text).ok).toBe(true);
  for (const [org, { telemetry_repo, repos: found }] of after.orgs) {
    expect(telemetry_repo.split("/")[0]).toBe(org);
    expect(found.size).toBeGreaterThan(0);
    for (const [repo, entry] of found) {
      const earlier = before.orgs.get(org)?.repos.get(repo);
      if (earlier !== undefined) expect(entry.context).toBe(earlier.context);
      else expect(command).toMatchObject({ action: "register", name: `${org}/${repo}`, context: entry.context });
      expect(before.orgs.get(org)?.telemetry_repo ?? telemetry_repo).toBe(telemetry_repo);
    }
  }
}
