import { type ChangelogEntry, parseChangelog } from "../../../infra/changelog.js";
import { CHANGELOG_PATH, REGISTRY_PATH } from "../../../infra/files.js";
import { type InfraRegistry, parseRegistry } from "../../../infra/model.js";
import type { RegistryFiles } from "../../../infra/validate.js";
import { readPlainFile } from "../../../process/durable-file.js";
import { UsageError } from "../../failure.js";
import { type Checkout, openCheckout, readFilesAt, readWorkingFiles, refuseInfra, resolveCommit } from "./checkout.js";

/** Selects a registry: the checkout's, at a revision or in the working tree, or a file. */
export interface ReadOptions {
  readonly file?: string;
  readonly revision?: string;
}

export interface LoadedRegistry {
  readonly registry: InfraRegistry;
  /** The commit that was read; null for the working tree or a file. */
  readonly revision: string | null;
}

/** @throws InfraRefused, UsageError */
export async function readRegistry({ file, revision }: ReadOptions): Promise<LoadedRegistry> {
  if (file !== undefined) {
    if (revision !== undefined) throw new UsageError("--revision: a file has none; omit --file to read the checkout at a revision.");
    const bytes = await readPlainFile(file);
    if (bytes === undefined) throw new UsageError(`--file: there is no ${file}.`);
    return { registry: parseRegistryBytes(bytes, file), revision: null };
  }
  const checkout = await openCheckout(process.cwd());
  return readRegistryAt(checkout, revision);
}

/** Reads the registry of a checkout at a revision, or in its working tree. @throws InfraRefused */
export async function readRegistryAt(checkout: Checkout, revision: string | undefined): Promise<LoadedRegistry> {
  const commit = revision === undefined ? null : await resolveCommit(checkout, revision);
  const { registry } = await readRegistryFiles(checkout, commit);
  if (registry === undefined)
    throw refuseInfra(
      "registry_missing",
      `There is no ${REGISTRY_PATH}${commit === null ? "" : ` in ${revision}`}; create one with ogr infra init.`,
    );
  return { registry: parseRegistryBytes(registry, REGISTRY_PATH), revision: commit };
}

/** Reads the changelog of a checkout, oldest line first. @throws InfraRefused */
export async function readChangelog(revision: string | undefined): Promise<readonly ChangelogEntry[]> {
  const checkout = await openCheckout(process.cwd());
  const { changelog } = await readRegistryFiles(checkout, revision === undefined ? null : await resolveCommit(checkout, revision));
  const read = parseChangelog(changelog ?? "");
  if (read.ok) return read.value;
  const [first] = read.problems;
  throw refuseInfra("changelog_invalid", `${CHANGELOG_PATH} line ${first?.line}: ${first?.message}`);
}

function readRegistryFiles(checkout: Checkout, commit: string | null): Promise<RegistryFiles> {
  return commit === null ? readWorkingFiles(checkout) : readFilesAt(checkout, commit);
}

function parseRegistryBytes(bytes: Uint8Array, name: string): InfraRegistry {
  const read = parseRegistry(bytes);
  if (read.ok) return read.value;
  const [first] = read.problems;
  const place = `line ${first?.line}, column ${first?.column}`;
  throw refuseInfra(
    "registry_invalid",
    `${name} ${place}: ${first?.path ? `${first.path}: ` : ""}${first?.message} For all problems: ogr infra validate.`,
  );
}
