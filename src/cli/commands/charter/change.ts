import { readNamedRoot, walkTenantCharter } from "../../../client/charter.js";
import { requireValue } from "../../../client/http/problem.js";
import { readSigningKey } from "../../../configuration/keys.js";
import type { CharterSources } from "../../../decision/charter/named-policies.js";
import { signNextEntry } from "../../../decision/charter/next-entry.js";
import { CharterWalk } from "../../../decision/charter/walk.js";
import { toCanonicalBytes, toCanonicalText } from "../../../domain/bytes/canonical.js";
import { type CharterChange, charterChangeSchema } from "../../../domain/charter/change.js";
import { charterEntrySchema } from "../../../domain/charter/entry.js";
import { RegistryCommand } from "../../cli-command.js";
import { UsageError } from "../../failure.js";
import { parseParams } from "../../terminal/dry-run.js";
import { readJsonInput } from "../../terminal/json-file.js";
import { requireValid } from "./read.js";

interface SignOptions {
  readonly foundingKeyFile: string;
  readonly entries?: string;
}

/** `ogr charter sign`: signs a change as the charter's next entry, on the machine that has the founding key. */
export function buildCharterSignCommand(): RegistryCommand<SignOptions> {
  return new RegistryCommand<SignOptions>(
    "sign <change>",
    "sign a change as the next entry of your tenant's charter, and print it; - reads standard input",
  )
    .requiredOption("--founding-key-file <pem>", "the tenant's private founding key; it stays on this machine")
    .option("--entries <file>", "the charter as a JSON list of entries, so that no registry is called")
    .addExamples("ogr charter sign change.json --founding-key-file T.UBL.pem > entry.json")
    .run(async ({ options, arguments: [file = ""], openClient }) => {
      const change: CharterChange = parseParams(charterChangeSchema, await readJsonInput("the change", file));
      const key = readSigningKey(options.foundingKeyFile);
      const walk =
        options.entries === undefined
          ? await walkRegistry(await openClient(), key.jwk)
          : await walkFile(await readJsonInput("--entries", options.entries), key.jwk);
      const signed = await signNextEntry(walk, change, key);
      if (!signed.ok) throw new Error(signed.denial.message);
      process.stdout.write(`${toCanonicalText(signed.value)}\n`);
    });
}

/** `ogr charter append`: sends a signed entry. */
export function buildCharterAppendCommand(): RegistryCommand {
  return new RegistryCommand("append <entry>", "append a signed entry to your tenant's charter; - reads standard input")
    .addExamples("ogr charter append entry.json")
    .run(async ({ arguments: [file = ""], out, openClient }) => {
      const entry = parseParams(charterEntrySchema, await readJsonInput("the entry", file));
      const registry = await openClient();
      const { version, entry_hash } = requireValue(await registry.appendCharterEntry(entry));
      out.print({ ok: true, version, entry_hash }, `Version ${version} of the charter of ${registry.tenant_id} is ${entry_hash}.`);
    });
}

async function walkRegistry(
  registry: Parameters<typeof walkTenantCharter>[0],
  foundingJwk: CharterWalk["foundingJwk"],
): Promise<CharterWalk> {
  const charter = await walkTenantCharter(registry, { ...(await readNamedRoot(registry)), founding_jwk: foundingJwk });
  requireValid(charter);
  return charter.walk;
}

/** An entry by an act is checked by the policy of that time, which a file of entries does not have. */
const refuseAct = async (): Promise<never> => {
  throw new UsageError("--entries has an entry that an act made; omit --entries to read the charter from the registry.");
};
const NO_POLICIES: CharterSources = { readPolicy: refuseAct, readPolicyParts: refuseAct, readOperator: null };

async function walkFile(content: unknown, foundingJwk: CharterWalk["foundingJwk"]): Promise<CharterWalk> {
  const entries = parseParams(charterEntrySchema.array(), content);
  const [first] = entries;
  if (first === undefined) throw new UsageError("--entries has no entry.");
  const walk = new CharterWalk(first.tenant_id, foundingJwk, NO_POLICIES);
  const walked = await walk.advance(async (version) => {
    const entry = entries[version - 1];
    return entry === undefined ? undefined : toCanonicalBytes(entry);
  });
  if (!walked.ok) throw new Error(walked.denial.message);
  return walk;
}
