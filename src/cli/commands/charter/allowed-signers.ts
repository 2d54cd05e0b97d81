import { resolve } from "node:path";
import type { RegistryClient } from "../../../client/http/registry-client.js";
import { readConfiguredJson } from "../../../configuration/keys.js";
import { listGitKeys } from "../../../decision/charter/git-keys.js";
import type { NewestCharter } from "../../../decision/charter/newest-charter.js";
import { rootSchema } from "../../../domain/charter/founding.js";
import { formatSshPublicKey } from "../../../domain/git/git-signature.js";
import { REGISTRY_IDENTITY } from "../../../domain/git/registry-identity.js";
import type { RegistryCommand } from "../../cli-command.js";
import { UsageError } from "../../failure.js";
import { findOnlyTenant } from "../verify.js";
import { buildCharterCommand, type CharterOptions, requireValid, walkCharter } from "./read.js";

interface AllowedSignersOptions extends CharterOptions {
  readonly folder?: string;
  readonly tenant?: string;
  readonly withRevoked?: boolean;
}

/** `ogr charter allowed-signers`: the keys by which stock git verifies the registry's commits and tags. */
export function buildCharterAllowedSignersCommand(): RegistryCommand<AllowedSignersOptions> {
  return buildCharterCommand<AllowedSignersOptions>(
    "allowed-signers",
    "print the keys of the registry's commits and tags as git's gpg.ssh.allowedSignersFile needs them",
  )
    .option(
      "--folder <path>",
      "a copy of the object store, so that no registry is called; needs --founding-key, here also the operator's file",
    )
    .option("--with-revoked", "also the keys that were revoked, for what they signed before")
    .addExamples(
      "ogr charter allowed-signers > allowed_signers && git -c gpg.ssh.allowedSignersFile=allowed_signers verify-tag v1.2.0",
      "ogr charter allowed-signers --folder copy --founding-key founding.jwk.json",
    )
    .run(async ({ options, out, openClient }) => {
      const charter = options.folder === undefined ? await readRegistry(await openClient(), options) : await readFolder(options);
      const { valid, known } = listGitKeys(charter);
      const { keys } = options.withRevoked === true ? known : valid;
      if (keys.length === 0)
        throw new Error(
          "The charter names no key for commits and tags. If the operator's count, pass the operator's file with --founding-key.",
        );
      for (const jwk of keys) {
        const [principal, public_key] = [REGISTRY_IDENTITY.email, formatSshPublicKey(jwk)];
        const report = { kid: jwk.kid, principal, public_key, revoked: !valid.keys.includes(jwk) };
        out.print(report, `${principal} namespaces="git" ${public_key}`);
      }
    });
}

async function readRegistry(registry: RegistryClient, options: CharterOptions): Promise<NewestCharter> {
  const { charter } = await walkCharter(registry, options);
  requireValid(charter);
  return charter.walk.newest;
}

async function readFolder({ folder = "", foundingKey, tenant }: AllowedSignersOptions): Promise<NewestCharter> {
  if (foundingKey === undefined) throw new UsageError("--folder: pass the founding key that you kept with --founding-key.");
  const root = readConfiguredJson(foundingKey, rootSchema);
  const { walkFolderCharter } = await import("../../../verification/verify-folder.js");
  const tenant_id = tenant ?? (await findOnlyTenant(folder));
  return (await walkFolderCharter({ folder: resolve(folder), tenant_id, root })).walk.newest;
}
