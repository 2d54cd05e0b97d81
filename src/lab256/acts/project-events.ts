import { hashBlake3Hex } from "../../domain/bytes/hash.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { toBranchRef, toTagRef } from "../../domain/git/ref-name.js";
import type { NewEvent } from "../../domain/ledger/event.js";
import type { CommandEnvelope } from "../../domain/permit/envelope.js";
import type { Receipt } from "../../domain/permit/receipt.js";
import { toRepoPrefix } from "../../domain/storage-key.js";

/** What a successful act means for the registry's catalog. Source: ADR-002 §7. */
export function toProjectEvents(envelope: CommandEnvelope, receipt: Receipt, actorId: string): NewEvent[] {
  const { tenant_id, jti } = envelope;
  switch (envelope.jobType) {
    case "git.registry.init": {
      const { project_id, name, owners, visibility } = envelope.params;
      return [
        { type: "project.registered", key: `project.registered/${project_id}`, payload: { project_id, name, owners, visibility } },
        {
          type: "project.repo.bound",
          key: `project.repo.bound/${project_id}`,
          payload: { project_id, repo_url: `s3://${toRepoPrefix(tenant_id, project_id)}` },
        },
      ];
    }
    case "git.registry.push": {
      const { project_id, branch } = envelope.params;
      const ref = toBranchRef(branch);
      const moved = receipt.refs.find((move) => move.name === ref);
      if (moved === undefined) return [];
      const action = moved.new === ZERO_ID ? "delete" : "push";
      const commit = moved.new === ZERO_ID ? moved.old : moved.new;
      return [{ type: "project.activity", key: `project.activity/${jti}`, payload: { project_id, action, actor: actorId, ref, commit } }];
    }
    case "git.registry.reset":
      return toResetEvents(receipt, actorId);
    case "git.registry.archive":
      return toArchiveEvents(receipt, actorId);
    // The registry's own bookkeeping is no activity of a project that people follow.
    case "git.registry.telemetry_append":
      return [];
    case "git.registry.merge_protected": {
      const { project_id, target } = envelope.params;
      const ref = toBranchRef(target);
      const moved = receipt.refs.find((move) => move.name === ref);
      if (moved === undefined) return [];
      const payload = { project_id, action: "merge", actor: actorId, ref, commit: moved.new } as const;
      return [{ type: "project.activity", key: `project.activity/${jti}`, payload }];
    }
    case "git.registry.tag_release": {
      const { project_id, tag, commit, notes } = envelope.params;
      return [
        {
          type: "project.activity",
          key: `project.activity/${jti}`,
          payload: { project_id, action: "tag", actor: actorId, ref: toTagRef(tag), commit },
        },
        {
          type: "project.release.tagged",
          key: `project.release.tagged/${jti}`,
          payload: { project_id, tag, commit, notes_hash: hashBlake3Hex(Buffer.from(notes, "utf8")) },
        },
      ];
    }
  }
}

/** What the receipt says of the mark: it stands, or it is gone. */
export function toArchiveEvents({ jti, project_id, refs }: Receipt, actorId: string): NewEvent[] {
  return refs.map(({ name, old, new: mark }) => {
    const [action, commit] = mark === ZERO_ID ? (["unarchive", old] as const) : (["archive", mark] as const);
    return { type: "project.activity", key: `project.activity/${jti}`, payload: { project_id, action, actor: actorId, ref: name, commit } };
  });
}

/** A reset is one activity, however many refs went: its receipt names them all. It is told of `main`, or of the first where there was none. */
export function toResetEvents({ jti, project_id, refs }: Receipt, actorId: string): NewEvent[] {
  const told = refs.find(({ name }) => name === toBranchRef("main")) ?? refs[0];
  if (told === undefined) return [];
  const payload = { project_id, action: "reset", actor: actorId, ref: told.name, commit: told.old } as const;
  return [{ type: "project.activity", key: `project.activity/${jti}`, payload }];
}
