import type { PushParams } from "../../domain/act/job.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { toBranchRef } from "../../domain/git/ref-name.js";
import { requireValue } from "../http/problem.js";
import type { RegistryClient } from "../http/registry-client.js";
import { type Bundle, createBundle, readInlinePatch } from "./bundle.js";
import { runGit } from "./git-command.js";

const SUMMARY_MAX = 200;

export interface PushAsk {
  readonly project_id: string;
  /** The branch in the registry. */
  readonly branch: string;
  /** The local repository and the ref in it to push: `HEAD` or a full ref name. */
  readonly folder: string;
  readonly ref: string;
  readonly force?: boolean | undefined;
  /** The file to write the bundle to; the caller removes it. */
  readonly bundlePath: string;
}

/** A prepared push; nothing is sent yet. */
export interface PlannedPush {
  readonly params: PushParams;
  readonly bundle: Bundle;
  /** The commits of the registry's refs. */
  readonly held: readonly string[];
}

export interface PreparedPush extends PlannedPush {
  /** The bytes inside the command; absent if they were staged. */
  readonly patch: string | undefined;
}

/**
 * Bundles the commits of a local ref that the registry's project lacks.
 *
 * @throws Refused if there is no such project; GitRefused
 */
export async function planPush(client: RegistryClient, wanted: PushAsk): Promise<PlannedPush> {
  const { project_id, branch, folder, ref, force, bundlePath } = wanted;
  const refs = await client.listRefs(project_id).read();
  const expected_old = refs.find((one) => one.name === toBranchRef(branch))?.object_id ?? ZERO_ID;
  const held = refs.map((one) => one.object_id);
  const bundle = await createBundle(folder, ref, held, bundlePath);
  const commit_summary = await readCommitSummary(folder, bundle.tip);
  const params: PushParams = { project_id, branch, expected_old, commit_summary, subject_hash: bundle.blake3, ...(force ? { force } : {}) };
  return { params, bundle, held };
}

/** Returns the bundle for the inside of a command, or stages a larger one and returns `undefined`. @throws Refused */
export async function deliverBundle(client: RegistryClient, bundle: Bundle): Promise<string | undefined> {
  const patch = await readInlinePatch(bundle);
  if (patch === undefined) requireValue(await client.stageFile(bundle.blake3, bundle.path));
  return patch;
}

/** Runs {@link planPush} and {@link deliverBundle}. */
export async function preparePush(client: RegistryClient, wanted: PushAsk): Promise<PreparedPush> {
  const planned = await planPush(client, wanted);
  return { ...planned, patch: await deliverBundle(client, planned.bundle) };
}

async function readCommitSummary(folder: string, commit: string): Promise<string> {
  const subject = await runGit(folder, ["log", "-1", "--encoding=UTF-8", "--format=%s", commit]);
  const line = subject
    .toWellFormed()
    .normalize("NFC")
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .trim();
  return [...line].slice(0, SUMMARY_MAX).join("").trimEnd() || "(no subject)";
}
