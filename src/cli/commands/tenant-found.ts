import { z } from "zod";
import { buildCharterSources } from "../../client/charter.js";
import type { RegistryClient } from "../../client/http/registry-client.js";
import { ensureSigningKey, readConfiguredJson } from "../../configuration/keys.js";
import { signNextEntry } from "../../decision/charter/next-entry.js";
import { CharterWalk } from "../../decision/charter/walk.js";
import { buildFullAllowance } from "../../domain/act/full-allowance.js";
import { type Job, summarizeJob } from "../../domain/act/job.js";
import type { SigningKey } from "../../domain/bytes/signature.js";
import { type FoundingEntry, foundingEntrySchema } from "../../domain/charter/founding.js";
import { actorsSchema, personsSchema } from "../../domain/charter/records.js";
import { NO_PROJECT, tenantIdSchema } from "../../domain/ids.js";
import { allowanceSchema } from "../../domain/permit/allowlist.js";
import { CardCommand } from "../card-command.js";
import { UsageError } from "../failure.js";
import { parseParams } from "../terminal/dry-run.js";
import { readJsonInput } from "../terminal/json-file.js";
import { CHARTER_OFFICE, previewChange } from "./charter/propose.js";
import { buildFoundingKeyOption, type CharterOptions, requireValid, walkCharter } from "./charter/read.js";

interface FoundOptions extends CharterOptions {
  readonly members: string;
  readonly foundingKeyFile: string;
  readonly allowance?: string;
}

const membersSchema = z.strictObject({ persons: personsSchema, actors: actorsSchema });

/** `ogr tenant found`: opens the card that founds a tenant (L5), as a member of the operator's tenant. */
export function buildTenantFoundCommand(): CardCommand<FoundOptions> {
  return new CardCommand<FoundOptions>("found <tenant>", "open the card that founds a tenant; only the operator's tenant can")
    .requiredOption("--members <file>", "the first persons and actors as JSON, as in a change of members; - reads standard input")
    .requiredOption(
      "--founding-key-file <pem>",
      "the new tenant's private founding key, which is created if absent; it stays on this machine",
    )
    .option("--allowance <file>", "what Runners may do for the tenant, as JSON (default: every job of this release)")
    .addOption(buildFoundingKeyOption().makeOptionMandatory())
    .addExamples(
      "ogr tenant found T.ACME --members acme.json --founding-key-file T.ACME.pem --founding-key T.UBL.jwk.json --dry-run",
      'ogr tenant found T.ACME --members acme.json --founding-key-file T.ACME.pem --founding-key T.UBL.jwk.json --intent "ACME joins" --wait',
    )
    .openCard(async (registry, [name = ""], options) => {
      const tenant = tenantIdSchema.safeParse(name);
      if (!tenant.success) throw new UsageError(`${name} is not a tenant's id; write one such as T.ACME.`);
      const job = await buildFoundingJob(registry, tenant.data, options);
      return { ...job, intent: summarizeJob(job), preview: (wanted) => previewChange(registry, options, job, wanted) };
    }, CHARTER_OFFICE);
}

/** The new charter starts with the operator's relying parties and active policy, and names no keys, so that the operator's count. */
async function buildFoundingJob(registry: RegistryClient, tenant_id: string, options: FoundOptions): Promise<Job<"registry.tenant.found">> {
  const members = parseParams(membersSchema, await readJsonInput("--members", options.members));
  const allowance =
    options.allowance === undefined ? buildFullAllowance(tenant_id) : readConfiguredJson(options.allowance, allowanceSchema);
  const { charter } = await walkCharter(registry, options);
  requireValid(charter);
  const key = await ensureSigningKey(options.foundingKeyFile);
  const entry = await signFoundingEntry(registry, charter.walk, tenant_id, members, key);
  const params = { project_id: NO_PROJECT, tenant_id, founding_jwk: key.jwk, allowance, entry } as const;
  return { jobType: "registry.tenant.found", params };
}

async function signFoundingEntry(
  registry: RegistryClient,
  { state, newest }: CharterWalk,
  tenant_id: string,
  members: z.infer<typeof membersSchema>,
  key: SigningKey,
): Promise<FoundingEntry> {
  const params: FoundingEntry["change"]["params"] = {
    policy_hash: newest.policy_hash,
    ...members,
    keys: {},
    relying_parties: Object.fromEntries(state.list("relying_party")),
    tenants: {},
    policy_codes: [],
  };
  const walk = new CharterWalk(tenant_id, key.jwk, buildCharterSources(registry));
  const signed = await signNextEntry(walk, { jobType: "registry.charter.found", params }, key);
  if (!signed.ok) throw new UsageError(`--members: ${signed.denial.message}`);
  return foundingEntrySchema.parse(signed.value);
}
