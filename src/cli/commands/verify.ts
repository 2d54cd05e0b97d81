import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readConfiguredJson } from "../../configuration/keys.js";
import { pickMarks } from "../../domain/act/marks.js";
import { describeRequirement } from "../../domain/card/requirement.js";
import { rootSchema } from "../../domain/charter/founding.js";
import { jtiSchema } from "../../domain/ids.js";
import type { VerifiedAct } from "../../verification/verify-act.js";
import { CliCommand } from "../cli-command.js";
import { EXIT } from "../exit-codes.js";
import { UnsuccessfulExit, UsageError } from "../failure.js";
import { formatMarkLines, formatTime, shortenId } from "../terminal/text.js";

interface VerifyOptions {
  readonly foundingKey: string;
  readonly tenant?: string;
  readonly act?: string;
  readonly repository?: string;
}

/** `ogr verify`: verifies acts from files alone, with no registry. */
export function buildVerifyCommand(): CliCommand<VerifyOptions> {
  return new CliCommand<VerifyOptions>("verify <folder>", "verify acts from a copy of the object store, with no registry")
    .requiredOption(
      "--founding-key <file>",
      "the tenant's public founding key (JWK) that you kept, or the operator's file, whose charter has it",
    )
    .option("--tenant <id>", "a tenant, such as T.UBL (default: the only one whose charter is in the folder)")
    .option("--act <jti>", "one act (default: every act that has a receipt in the folder)")
    .option("--repository <path>", "a local clone with the act's objects, instead of those in the folder; needs --act")
    .addExamples(
      "ogr verify copy --founding-key founding.jwk.json",
      "ogr verify copy --founding-key operator.json --tenant T.UBL --act 94b5731a-2f54-8a5a-ab1f-99157d3bf5a9",
      "ogr verify copy --founding-key founding.jwk.json --act 94b5731a-2f54-8a5a-ab1f-99157d3bf5a9 --repository hello.git --json",
    )
    .run(async ({ options, arguments: [given = ""], out }) => {
      const folder = resolve(given);
      const root = readConfiguredJson(options.foundingKey, rootSchema);
      const tenant_id = options.tenant ?? (await findOnlyTenant(folder));
      const { act, repository } = options;
      if (act !== undefined && !jtiSchema.safeParse(act).success) throw new UsageError(`--act: ${act} is not the id of an act, a UUID.`);
      if (repository !== undefined && act === undefined)
        throw new UsageError("--repository: name the act whose objects it has with --act.");
      const { verifyFolder } = await import("../../verification/verify-folder.js");
      const clone = repository === undefined ? undefined : resolve(repository);
      const { acts, charter_version, mismatch } = await verifyFolder({ folder, tenant_id, root, act, clone });
      for (const verified of acts) out.print(toActReport(verified), formatAct(verified));
      if (mismatch === undefined) {
        const report = { ok: true, tenant_id, acts: acts.length, charter_version };
        out.print(
          report,
          `${acts.length === 1 ? "The act holds" : `All ${acts.length} acts hold`}, from the founding key of ${tenant_id} on (charter version ${charter_version}).`,
        );
        return;
      }
      const { file, member, problem } = mismatch;
      out.print(
        { ok: false, tenant_id, file, member, problem },
        `DOES NOT HOLD: ${file}${member === "" ? "" : `, \`${member}\``}: ${problem}`,
      );
      throw new UnsuccessfulExit(EXIT.error);
    });
}

/** Finds the tenant whose charter is in a copy of the object store. @throws UsageError unless there is exactly one */
export async function findOnlyTenant(folder: string): Promise<string> {
  const found = await readdir(join(folder, "charter")).catch(() => {
    throw new UsageError(`${folder} has no folder \`charter\`; copy the object store's keys (docs/verify.md).`);
  });
  const [tenant, ...others] = found;
  if (tenant !== undefined && others.length === 0) return tenant;
  throw new UsageError(`--tenant: name one of ${found.join(", ") || "none"}.`);
}

function toActReport({ receipt, command, decided, ...rest }: VerifiedAct) {
  const { jobType, project_id, status, refs, actor_id, person_id, charter_version, kid, finished_at } = receipt;
  const { permit } = command;
  const { evidence, filled, pushers } = decided ?? {};
  return {
    ...{ ok: true, ...rest, jobType, project_id, status, refs, finished_at, ...pickMarks(receipt) },
    ...{ actor_id, person_id, office_id: command.office_id, card_id: permit.scopes.approval_ref ?? null },
    ...{ level: permit.scopes.level, reasons: evidence?.decided?.decision.reasons ?? [], requirements: filled ?? [] },
    approvals: listApprovals(decided),
    pushers: pushers ?? null,
    ...{ policy_hash: command.policy_hash, charter_version, keys: { receipt: kid, permit: permit.kid, card: evidence?.card?.kid ?? null } },
  };
}

function listApprovals(decided: VerifiedAct["decided"]) {
  return (decided?.evidence.statements ?? []).map(({ statement, attestor, assertion }) => {
    const { approver, office_id, round } = statement;
    return { approver, office_id, round, key: attestor.kid, passkey: assertion?.id ?? null };
  });
}

function formatAct(verified: VerifiedAct): string {
  const { jti, receipt, command, decided, plan_digest, is_replayed, acts_before, taken } = verified;
  const { permit, office_id } = command;
  const { scopes } = permit;
  const { evidence, filled, pushers } = decided ?? {};
  const lines = [
    `${jti}: ${receipt.status}`,
    `  ${receipt.jobType} in ${receipt.project_id}, ${scopes.level}, ${formatTime(receipt.finished_at)}`,
    ...formatMarkLines(receipt),
    `  by        ${receipt.actor_id} (${receipt.person_id ?? "no person"}) as ${office_id}`,
  ];
  for (const { name, old, new: next } of receipt.refs) lines.push(`  ref       ${name}: ${shortenId(old)} → ${shortenId(next)}`);
  for (const { rule, text } of evidence?.decided?.decision.reasons ?? []) lines.push(`  reason    ${text} (${rule})`);
  for (const { requirement, by } of filled ?? [])
    lines.push(`  required  ${describeRequirement(requirement)}: ${by.join(", ") || "given"}`);
  for (const { approver, office_id: office, passkey } of listApprovals(decided))
    lines.push(`  approved  by ${approver} as ${office}${passkey === null ? "" : ` with the passkey ${passkey}`}`);
  if (pushers != null) lines.push(`  pushed    by ${pushers.person_ids.join(", ") || "nobody"}, from ${acts_before} acts before`);
  if (plan_digest !== null) lines.push(`  plan      ${plan_digest}${is_replayed ? ", computed again" : ""}`);
  lines.push(`  policy    ${receipt.policy_hash}, of charter version ${receipt.charter_version}`);
  lines.push(`  keys      receipt ${receipt.kid}, permit ${permit.kid}${evidence?.card == null ? "" : `, card ${evidence.card.kid}`}`);
  for (const what of taken) lines.push(`  recorded  ${what}`);
  return lines.join("\n");
}
