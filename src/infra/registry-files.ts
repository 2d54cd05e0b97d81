import { createHash } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { grantValue } from "../domain/denial.js";
import { publishDraft, readPlainFile, replaceFile, toDraftPath, writeDraft } from "../process/durable-file.js";
import { formatChangelogLine, parseChangelog } from "./changelog.js";
import { applyCommand, type InfraCommand, type Mutation } from "./command.js";
import { CHANGELOG_PATH, REGISTRY_PATH } from "./files.js";
import { formatRegistry, parseRegistry } from "./model.js";
import { type InfraOutcome, refuseInfraAct } from "./refusal.js";
import { type HeldLock, type Journal, type Repair, takeWriterLock, toJournalPath } from "./writer-lock.js";

/** Absolute paths of the files. The lock is outside the versioned tree. */
export interface RegistryFilePaths {
  readonly registry: string;
  readonly changelog: string;
  readonly lock: string;
}

export const MUTATION_STEPS = ["locked", "announced", "drafted", "changelog_written", "registry_written"] as const;
export type MutationStep = (typeof MUTATION_STEPS)[number];

export interface MutationOptions {
  readonly now: () => Date;
  /** Called after each step; a process that ends there leaves what a crash leaves. */
  readonly onStep?: (step: MutationStep) => void;
}

export interface WrittenMutation extends Mutation {
  /** A sentence about the repair of an earlier, interrupted command; null if there was none. */
  readonly repaired: string | null;
}

/**
 * Applies a command to the registry and its changelog: both change or neither, one writer at a time. A refusal leaves both untouched. The
 * next command undoes the half of one that was interrupted. Source: infra registry v2, contracts "Infra registry v2".
 */
export async function mutateRegistry(
  place: RegistryFilePaths,
  command: InfraCommand,
  options: MutationOptions,
): Promise<InfraOutcome<WrittenMutation>> {
  const lock = await holdRegistry(place);
  if (!lock.ok) return lock;
  options.onStep?.("locked");
  // A fault leaves the lock and its journal behind. The next writer finds the holder dead, and repairs.
  const mutation = await mutateLockedRegistry(place, command, options, lock.value);
  await lock.value.release();
  return mutation.ok ? grantValue({ ...mutation.value, repaired: lock.value.repaired }) : mutation;
}

/** Computes what a command would do to the present registry. Writes, locks and repairs nothing. */
export async function previewMutation(
  place: RegistryFilePaths,
  command: InfraCommand,
  { now }: Pick<MutationOptions, "now">,
): Promise<InfraOutcome<Mutation>> {
  const worked = await computeMutation(place, command, now());
  return worked.ok ? grantValue(worked.value.mutation) : worked;
}

/** Locks the registry against other writers, after repairing the work of a dead one. The caller releases the lock. */
export function holdRegistry(place: RegistryFilePaths): ReturnType<typeof takeWriterLock> {
  return takeWriterLock(place.lock, createRepair(place));
}

async function mutateLockedRegistry(
  place: RegistryFilePaths,
  command: InfraCommand,
  { now, onStep }: MutationOptions,
  lock: HeldLock,
): Promise<InfraOutcome<Mutation>> {
  const worked = await computeMutation(place, command, now());
  if (!worked.ok) return worked;
  const { before, mutation } = worked.value;
  const changelog = before.changelog ?? Buffer.alloc(0);
  const registryAfter = Buffer.from(formatRegistry(mutation.registry));
  const changelogAfter = Buffer.concat([changelog, Buffer.from(formatChangelogLine(mutation.line))]);
  await lock.announce({
    what: `${command.action} ${command.name}`,
    registry: { before: hashSha256(before.registry), before_bytes: before.registry.length, after: hashSha256(registryAfter) },
    changelog: {
      before: before.changelog === undefined ? null : hashSha256(changelog),
      before_bytes: changelog.length,
      after: hashSha256(changelogAfter),
    },
  });
  onStep?.("announced");
  await mkdir(dirname(place.changelog), { recursive: true });
  await writeDraft(place.changelog, changelogAfter);
  await writeDraft(place.registry, registryAfter);
  onStep?.("drafted");
  if (
    !isSameContent(await readPlainFile(place.registry), before.registry) ||
    !isSameContent(await readPlainFile(place.changelog), before.changelog)
  ) {
    await removeDrafts(place);
    return refuseInfraAct(
      "registry_changed",
      "Another program has changed the registry or its changelog just now; look at git diff, and try again.",
    );
  }
  await publishDraft(place.changelog);
  onStep?.("changelog_written");
  await publishDraft(place.registry);
  onStep?.("registry_written");
  return grantValue(mutation);
}

interface ComputedMutation {
  readonly before: { readonly registry: Buffer; readonly changelog: Buffer | undefined };
  readonly mutation: Mutation;
}

async function computeMutation(place: RegistryFilePaths, command: InfraCommand, now: Date): Promise<InfraOutcome<ComputedMutation>> {
  const [registry, changelog] = [await readPlainFile(place.registry), await readPlainFile(place.changelog)];
  if (registry === undefined)
    return refuseInfraAct(
      "registry_missing",
      `There is no ${REGISTRY_PATH} here; change into its repository, or make one with ogr infra init.`,
    );
  const parsed = parseRegistry(registry);
  if (!parsed.ok) return refuseInfraAct("registry_invalid", `${REGISTRY_PATH} ${formatFirstProblem(parsed.problems)}`);
  const lines = parseChangelog(changelog ?? "");
  if (!lines.ok) return refuseInfraAct("changelog_invalid", `${CHANGELOG_PATH} ${formatFirstProblem(lines.problems)}`);
  const mutation = applyCommand(parsed.value, command, now.toISOString());
  return mutation.ok ? grantValue({ before: { registry, changelog }, mutation: mutation.value }) : mutation;
}

/** A dead writer has changed nothing, both files, or only the changelog, whose new line is then removed. */
function createRepair(place: RegistryFilePaths): Repair {
  return async (journal) => {
    await removeDrafts(place);
    const changelog = await readPlainFile(place.changelog);
    const registry = compareWithJournal(await readPlainFile(place.registry), journal.registry);
    const log = compareWithJournal(changelog, journal.changelog);
    const earlier = `An earlier command (${journal.what}) was interrupted`;
    if (registry === "after" && log === "after") return grantValue(`${earlier} after it had done its work; nothing was lost.`);
    if (registry === "before" && log === "before") return grantValue(`${earlier} before it changed anything; run it again.`);
    if (registry !== "before" || log !== "after" || changelog === undefined)
      return refuseInfraAct(
        "half_done",
        `${earlier}, and the files have changed since. Check git diff, make registry and changelog agree, then remove ${toJournalPath(place.lock)}.`,
      );
    if (journal.changelog.before === null) await rm(place.changelog);
    else await replaceFile(place.changelog, changelog.subarray(0, journal.changelog.before_bytes));
    return grantValue(`${earlier} half done; what it had written was taken back: run it again.`);
  };
}

function compareWithJournal(bytes: Buffer | undefined, { before, after }: Journal["registry"]): "before" | "after" | "other" {
  const found = bytes === undefined ? null : hashSha256(bytes);
  if (found === after) return "after";
  return found === before ? "before" : "other";
}

async function removeDrafts({ registry, changelog }: RegistryFilePaths): Promise<void> {
  await Promise.all([registry, changelog].map((path) => rm(toDraftPath(path), { force: true })));
}

function hashSha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function isSameContent(one: Buffer | undefined, other: Buffer | undefined): boolean {
  return one === undefined || other === undefined ? one === other : one.equals(other);
}

function formatFirstProblem(problems: readonly { line: number; column: number; message: string }[]): string {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more; see ogr infra validate)` : "";
  return first === undefined ? "cannot be read." : `line ${first.line}, column ${first.column}: ${first.message}${more}`;
}
