import { toBranchRef } from "../../src/domain/git/ref-name.js";
import { CHANGELOG_PATH, REGISTRY_PATH } from "../../src/infra/files.js";
import { serialisePackedRefs } from "../../src/repository/refs/packed-refs.js";
import { readRefs } from "../../src/repository/refs/refs-state.js";
import { type RepositoryName, toRepositoryKeys } from "../../src/repository/repository-key.js";
import type { ObjectStore } from "../../src/storage/ports.js";
import type { Clone } from "../repository/real-git.js";

export type Entry = "enabled sandbox" | "enabled production" | "disabled sandbox" | "disabled production";

/** Formats a registry of `<org>/<repo>` entries with state and context. The telemetry repository of every org is `telemetry`. */
export function formatRegistryJson(entries: Readonly<Record<string, Entry>>, telemetry = "P.telemetry"): string {
  const orgs: Record<string, { telemetry_repo: string; repos: Record<string, object> }> = {};
  for (const [slug, entry] of Object.entries(entries)) {
    const [org = "", repo = ""] = slug.split("/");
    const [state, context] = entry.split(" ");
    orgs[org] ??= { telemetry_repo: `${org}/${telemetry}`, repos: {} };
    orgs[org].repos[repo] = { state, context, process: "infra-cli", reason: "a test" };
  }
  return `${JSON.stringify({ schema_version: "2.0", orgs }, null, 2)}\n`;
}

/** Commits a registry in a clone. Returns the commit. */
export function commitRegistry(clone: Clone, text: string, changelog?: string): string {
  if (changelog !== undefined) clone.commit(CHANGELOG_PATH, changelog);
  return clone.commit(REGISTRY_PATH, text);
}

/** Moves main to a pushed commit, like a merge. */
export async function setMain(store: ObjectStore, name: RepositoryName, commit: string): Promise<void> {
  for (;;) {
    const state = await readRefs(store, name);
    if (state === undefined) throw new Error(`${name.project_id} has no repository`);
    const refs = new Map([...state.refs, [toBranchRef("main"), { id: commit }]]);
    const key = toRepositoryKeys(name).packedRefs;
    if ((await store.pointers.swap(key, state.version, serialisePackedRefs(refs))).won) return;
  }
}
