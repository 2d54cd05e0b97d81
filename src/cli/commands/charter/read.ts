import { Option } from "commander";
import {
  type CharterRoot,
  type OwnPolicy,
  readNamedRoot,
  readRootOf,
  type WalkedCharter,
  walkTenantCharter,
} from "../../../client/charter.js";
import type { RegistryClient } from "../../../client/http/registry-client.js";
import { readConfiguredJson } from "../../../configuration/keys.js";
import type { WaitingChange } from "../../../decision/charter/recovery.js";
import type { PublicJwk } from "../../../domain/bytes/signature.js";
import type { CharterChange } from "../../../domain/charter/change.js";
import type { EntryAuthority } from "../../../domain/charter/entry.js";
import { type Operator, rootSchema } from "../../../domain/charter/founding.js";
import { describeRecovery, type Recovery } from "../../../domain/charter/recovery.js";
import { RegistryCommand } from "../../cli-command.js";
import { EXIT } from "../../exit-codes.js";
import { UnsuccessfulExit } from "../../failure.js";
import { formatTime } from "../../terminal/text.js";

export interface CharterOptions {
  readonly foundingKey?: string;
}

/** `ogr charter show`: what the newest version says. */
export function buildCharterShowCommand(): RegistryCommand<CharterOptions> {
  return buildCharterCommand("show", "show who may decide what: the newest version of your tenant's charter")
    .addExamples("ogr charter show", "ogr charter show --json | jq .persons")
    .run(async ({ options, out, openClient }) => {
      const { registry, key, charter } = await walkCharter(await openClient(), options);
      requireValid(charter);
      const { state, version, recovery } = charter.walk;
      const found = {
        tenant_id: registry.tenant_id,
        version,
        sealed: state.find("sealed") !== undefined,
        policy_hash: state.find("policy")?.policy_hash ?? null,
        persons: Object.fromEntries(state.list("person")),
        actors: Object.fromEntries(state.list("actor")),
        keys: Object.fromEntries(state.list("key")),
        recovery: state.find("recovery") ?? null,
        waiting: recovery?.waiting ?? null,
      };
      const lines = [
        `${found.tenant_id}, version ${version}${found.sealed ? "" : " (not sealed: the founding key can still change it)"}`,
        `  policy    ${found.policy_hash}`,
        ...Object.entries(found.persons).map(
          ([id, person]) => `  ${id}  ${person.name}, ${person.passkeys.length} passkeys${person.disabled ? ", disabled" : ""}`,
        ),
        ...Object.entries(found.actors).map(
          ([id, { person_id, offices }]) =>
            `  ${id}  of ${person_id}: ${offices.map(({ office_id }) => office_id).join(", ") || "no office"}`,
        ),
        ...Object.entries(found.keys).map(([kid, { use, revoked }]) => `  key ${kid}  ${use}${revoked ? ", revoked" : ""}`),
        ...(found.recovery === null ? [] : [`  recovery  ${describeRecovery(found.recovery)}`]),
        ...(found.waiting === null ? [] : [formatWaiting(found.waiting)]),
        formatFoundingKey(key),
      ];
      out.print(found, lines.join("\n"));
    });
}

/** `ogr charter log`: every change, the oldest first. */
export function buildCharterLogCommand(): RegistryCommand<CharterOptions> {
  return buildCharterCommand("log", "list the changes of your tenant's charter, the oldest first")
    .addExamples("ogr charter log", "ogr charter log --json | jq .change")
    .run(async ({ options, out, openClient }) => {
      const { charter } = await walkCharter(await openClient(), options);
      requireValid(charter);
      let delayMs = 0;
      for (const entry of charter.entries) {
        const { version, change, authority } = entry;
        if ("recovery" in change.params) delayMs = change.params.recovery?.delay_ms ?? delayMs;
        out.print(entry, `${version}  ${summarizeChange(change)}${summarizeRecoveryTime(authority, delayMs)}`);
      }
    });
}

/** `ogr charter verify`: walks the charter from a founding key. */
export function buildCharterVerifyCommand(): RegistryCommand<CharterOptions> {
  return buildCharterCommand("verify", "check every entry of your tenant's charter, from the founding key on")
    .addExamples("ogr charter verify --founding-key founding.jwk.json")
    .run(async ({ options, out, openClient }) => {
      const { registry, key, charter } = await walkCharter(await openClient(), options);
      const { walk, outcome } = charter;
      const problem = outcome.ok ? undefined : outcome.denial.message;
      const report = {
        ok: outcome.ok,
        tenant_id: registry.tenant_id,
        version: walk.version,
        entry_hash: walk.entryHash,
        ...(problem === undefined ? {} : { problem }),
      };
      const verdict = problem === undefined ? `is whole: ${walk.version} versions, newest ${walk.entryHash}` : `is BROKEN: ${problem}`;
      out.print(report, `The charter of ${registry.tenant_id} ${verdict}\n${formatFoundingKey(key)}`);
      if (!outcome.ok) throw new UnsuccessfulExit(EXIT.error);
    });
}

/** Builds a command that reads the charter. */
export function buildCharterCommand<O extends CharterOptions = CharterOptions>(name: string, description: string): RegistryCommand<O> {
  return new RegistryCommand<O>(name, description).addOption(buildFoundingKeyOption());
}

export const buildFoundingKeyOption = (): Option =>
  new Option(
    "--founding-key <file>",
    "the tenant's public founding key (JWK) that you kept, or the operator's file; without it, the one that the registry names",
  );

interface FoundingKey {
  readonly jwk: PublicJwk;
  readonly operator: Operator | null;
  /** Whether the caller gave one of them; otherwise they are the registry's word. */
  readonly isOwn: boolean;
}

/** Walks the charter from the key that the caller gave, else from the one that the registry names. @throws Refused */
export async function walkCharter(registry: RegistryClient, { foundingKey }: CharterOptions, own?: OwnPolicy) {
  const root = foundingKey === undefined ? await readNamedRoot(registry) : await readKeptRoot(registry, foundingKey);
  const key: FoundingKey = { jwk: root.founding_jwk, operator: root.operator, isOwn: foundingKey !== undefined };
  return { registry, key, charter: await walkTenantCharter(registry, root, own) };
}

/** The tenant's own key trusts no operator: who rests on the operator's keys keeps the operator's file. */
async function readKeptRoot(registry: RegistryClient, file: string): Promise<CharterRoot> {
  const kept = readConfiguredJson(file, rootSchema);
  return "tenant_id" in kept ? readRootOf(registry, kept) : { founding_jwk: kept, operator: null };
}

/** @throws if an entry does not verify */
export function requireValid({ outcome }: WalkedCharter): void {
  if (!outcome.ok) throw new Error(outcome.denial.message);
}

function formatFoundingKey({ jwk, operator, isOwn }: FoundingKey): string {
  const key = operator === null ? jwk.x : `${operator.founding_jwk.x} of the operator ${operator.tenant_id}`;
  return isOwn
    ? `  from your founding key ${key}`
    : `  from the founding key ${key} that the registry names: compare it, or pass --founding-key`;
}

function summarizeChange({ jobType, params }: CharterChange): string {
  switch (jobType) {
    case "registry.charter.found":
      return `founded with ${Object.keys(params.persons).length} persons, policy ${params.policy_hash}${summarizeRecovery(params)}`;
    case "registry.policy.publish":
      return `policy ${params.policy_hash}`;
    case "registry.keys.rotate":
      return `keys added: ${params.add.map(({ use, jwk }) => `${use} ${jwk.kid}`).join(", ") || "none"}; revoked: ${params.revoke.join(", ") || "none"}${summarizeRecovery(params)}`;
    case "registry.members.change":
      return `members: ${[...Object.keys(params.persons), ...Object.keys(params.actors)].join(", ")}`;
    case "registry.webhooks.change":
      return `webhooks: ${Object.keys(params.webhooks).join(", ")}`;
    case "registry.charter.seal":
      return "sealed";
    case "registry.tenant.found":
      return `${params.entry === undefined ? "allowance of" : "founded the tenant"} ${params.tenant_id}`;
    case "registry.recovery.announce":
      return `recovery keys announced: ${summarizeChange(params.change)}`;
    case "registry.charter.end_act":
      return `recorded that the act ${params.jti} ended without an effect`;
  }
}

function summarizeRecovery({ recovery }: { readonly recovery?: Recovery | null | undefined }): string {
  return recovery === undefined ? "" : `; recovery by ${describeRecovery(recovery)}`;
}

function summarizeRecoveryTime(authority: EntryAuthority, delayMs: number): string {
  if (authority.kind === "recovery") return `; it can be made from ${formatTime(authority.seen_at_ms + delayMs)} on`;
  return authority.kind === "announcement" ? `; as version ${authority.version} announced` : "";
}

function formatWaiting({ version, change, completable_at_ms }: WaitingChange): string {
  return `  WAITING   ${change.jobType}, which recovery keys announced in version ${version}; it can be made from ${formatTime(completable_at_ms)} on`;
}
