import { pickBreakGlass } from "../../domain/act/break-glass.js";
import { hashBlake3Hex } from "../../domain/bytes/hash.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { toBranchRef, toTagRef } from "../../domain/git/ref-name.js";
import type { EventPayloads, NewEvent } from "../../domain/ledger/event.js";
import type { CommandEnvelope } from "../../domain/permit/envelope.js";
import type { Receipt } from "../../domain/permit/receipt.js";
import { toRepoPrefix } from "../../domain/storage-key.js";

type RefMove = Receipt["refs"][number];
type ActRef = Pick<Receipt, "project_id" | "jti" | "break_glass">;

/** Returns the events by which a successful act changes the registry's catalog. Source: ADR-002 §7. */
export function toProjectEvents(envelope: CommandEnvelope, receipt: Receipt, actorId: string): NewEvent[] {
  const act: ActRef = { project_id: envelope.params.project_id, jti: envelope.jti, ...pickBreakGlass(receipt) };
  const findMove = (ref: string) => receipt.refs.find(({ name }) => name === ref);
  switch (envelope.jobType) {
    case "git.registry.init":
      return buildRegistrationEvents(envelope.tenant_id, { ...envelope.params, ...act });
    case "git.registry.push":
      return toPushEvents(act, actorId, findMove(toBranchRef(envelope.params.branch)));
    case "git.registry.merge_protected":
      return toMergeEvents(act, actorId, findMove(toBranchRef(envelope.params.target)));
    case "git.registry.tag_release": {
      const { tag, commit, notes } = envelope.params;
      return buildReleaseEvents(act, actorId, { tag, commit, notes_hash: hashBlake3Hex(Buffer.from(notes, "utf8")) });
    }
    case "git.registry.reset":
      return toResetEvents(receipt, actorId);
    case "git.registry.archive":
      return toArchiveEvents(receipt, actorId);
    // The registry's own bookkeeping is not shown as project activity, and changes of the charter concern no project.
    case "git.registry.telemetry_append":
    case "registry.policy.publish":
    case "registry.keys.rotate":
    case "registry.members.change":
    case "registry.webhooks.change":
    case "registry.charter.seal":
    case "registry.tenant.found":
      return [];
  }
}

export function buildRegistrationEvents(
  tenantId: string,
  { project_id, name, owners, visibility, ...act }: EventPayloads["project.registered"],
): NewEvent[] {
  const repo_url = `s3://${toRepoPrefix(tenantId, project_id)}`;
  return [
    {
      type: "project.registered",
      key: `project.registered/${project_id}`,
      payload: { project_id, name, owners, visibility, ...pickBreakGlass(act) },
    },
    { type: "project.repo.bound", key: `project.repo.bound/${project_id}`, payload: { project_id, repo_url } },
  ];
}

export function toPushEvents(act: ActRef, actorId: string, moved: RefMove | undefined): NewEvent[] {
  if (moved === undefined) return [];
  const isDeletion = moved.new === ZERO_ID;
  return [buildActivityEvent(act, actorId, isDeletion ? "delete" : "push", moved.name, isDeletion ? moved.old : moved.new)];
}

export function toMergeEvents(act: ActRef, actorId: string, moved: RefMove | undefined): NewEvent[] {
  return moved === undefined ? [] : [buildActivityEvent(act, actorId, "merge", moved.name, moved.new)];
}

export function buildReleaseEvents(
  act: ActRef,
  actorId: string,
  { tag, commit, notes_hash }: { readonly tag: string; readonly commit: string; readonly notes_hash: string },
): NewEvent[] {
  const { project_id, jti } = act;
  const payload = { project_id, tag, commit, notes_hash, ...pickBreakGlass(act) };
  return [
    buildActivityEvent(act, actorId, "tag", toTagRef(tag), commit),
    { type: "project.release.tagged", key: `project.release.tagged/${jti}`, payload },
  ];
}

/** The receipt tells whether the archive mark was set or removed. */
export function toArchiveEvents(receipt: Receipt, actorId: string): NewEvent[] {
  return receipt.refs.map(({ name, old, new: mark }) =>
    mark === ZERO_ID
      ? buildActivityEvent(receipt, actorId, "unarchive", name, old)
      : buildActivityEvent(receipt, actorId, "archive", name, mark),
  );
}

/** A reset is one activity, however many refs its receipt names. It shows `main`, or the first ref if there is no `main`. */
export function toResetEvents(receipt: Receipt, actorId: string): NewEvent[] {
  const shown = receipt.refs.find(({ name }) => name === toBranchRef("main")) ?? receipt.refs[0];
  return shown === undefined ? [] : [buildActivityEvent(receipt, actorId, "reset", shown.name, shown.old)];
}

function buildActivityEvent(
  { project_id, jti, break_glass }: ActRef,
  actor: string,
  action: EventPayloads["project.activity"]["action"],
  ref: string,
  commit: string,
): NewEvent {
  const payload = { project_id, action, actor, ref, commit, ...pickBreakGlass({ break_glass }) };
  return { type: "project.activity", key: `project.activity/${jti}`, payload };
}
