import { z } from "zod";
import { ZERO_ID } from "../../domain/git/git-id.js";
import type { NewEvent } from "../../domain/ledger/event.js";
import type { Receipt } from "../../domain/permit/receipt.js";
import { toProjectKey, toReleaseManifestKey, toRepoPrefix } from "../../domain/storage-key.js";
import type { ObjectStore } from "../../storage/ports.js";
import { readStoredJson } from "../stored-json.js";
import { toArchiveEvents, toResetEvents } from "./project-events.js";

const HEADS = "refs/heads/";
const TAGS = "refs/tags/";

const projectSchema = z.object({
  jti: z.string(),
  name: z.string(),
  owners: z.array(z.string()),
  visibility: z.string(),
});
const manifestSchema = z.object({ commit: z.string(), notes_hash: z.string() });

/** `complete` is false where an object that should follow the act is not there. */
interface StoredEvents {
  readonly events: readonly NewEvent[];
  readonly isComplete: boolean;
}

/**
 * What a successful act means for the catalog, from its receipt and what it stored, where nobody knows its envelope; the events have
 * the keys and payloads that its flow would have given them. Source: ADR-002 §7.
 */
export async function readProjectEvents(store: ObjectStore, receipt: Receipt, actorId: string): Promise<StoredEvents> {
  const { tenant_id, project_id, jti } = receipt;
  if (receipt.jobType === "git.registry.init") return readRegistrationEvents(store, receipt);
  if (receipt.jobType === "git.registry.reset") return { events: toResetEvents(receipt, actorId), isComplete: true };
  if (receipt.jobType === "git.registry.archive") return { events: toArchiveEvents(receipt, actorId), isComplete: true };
  const pushed = receipt.refs.find(({ name }) => name.startsWith(HEADS));
  if (receipt.jobType === "git.registry.push" && pushed !== undefined) {
    const action = pushed.new === ZERO_ID ? "delete" : "push";
    const commit = pushed.new === ZERO_ID ? pushed.old : pushed.new;
    const payload = { project_id, action, actor: actorId, ref: pushed.name, commit } as const;
    return { events: [{ type: "project.activity", key: `project.activity/${jti}`, payload }], isComplete: true };
  }
  if (receipt.jobType === "git.registry.merge_protected" && pushed !== undefined) {
    const payload = { project_id, action: "merge", actor: actorId, ref: pushed.name, commit: pushed.new } as const;
    return { events: [{ type: "project.activity", key: `project.activity/${jti}`, payload }], isComplete: true };
  }
  const tagged = receipt.refs.find(({ name }) => name.startsWith(TAGS));
  if (receipt.jobType !== "git.registry.tag_release" || tagged === undefined) return { events: [], isComplete: true };
  const tag = tagged.name.slice(TAGS.length);
  const manifest = await readStoredJson(store, toReleaseManifestKey(tenant_id, project_id, tag), manifestSchema);
  if (manifest === undefined) return { events: [], isComplete: false };
  const { commit, notes_hash } = manifest;
  const activity = { project_id, action: "tag", actor: actorId, ref: tagged.name, commit } as const;
  return {
    events: [
      { type: "project.activity", key: `project.activity/${jti}`, payload: activity },
      { type: "project.release.tagged", key: `project.release.tagged/${jti}`, payload: { project_id, tag, commit, notes_hash } },
    ],
    isComplete: true,
  };
}

async function readRegistrationEvents(store: ObjectStore, { tenant_id, project_id, jti }: Receipt): Promise<StoredEvents> {
  const project = await readStoredJson(store, toProjectKey(tenant_id, project_id), projectSchema);
  if (project?.jti !== jti) return { events: [], isComplete: false };
  const { name, owners, visibility } = project;
  const repo_url = `s3://${toRepoPrefix(tenant_id, project_id)}`;
  return {
    events: [
      { type: "project.registered", key: `project.registered/${project_id}`, payload: { project_id, name, owners, visibility } },
      { type: "project.repo.bound", key: `project.repo.bound/${project_id}`, payload: { project_id, repo_url } },
    ],
    isComplete: true,
  };
}
