import type { CommandEnvelope } from "../../domain/envelope.js";
import type { NewEvent } from "../../domain/event.js";
import { ZERO_ID } from "../../domain/git-id.js";
import { blake3Hex } from "../../domain/hash.js";
import type { Receipt } from "../../domain/receipt.js";
import { branchRef, tagRef } from "../../domain/ref-name.js";
import { repoPrefix } from "../../domain/storage-key.js";

/** What a successful act means for the registry's catalog. Source: ADR-002 §7. */
export function projectEvents(envelope: CommandEnvelope, receipt: Receipt, actorId: string): NewEvent[] {
  const { tenant_id, jti } = envelope;
  switch (envelope.jobType) {
    case "git.registry.init": {
      const { project_id, name, owners, visibility } = envelope.params;
      return [
        { type: "project.registered", key: `project.registered/${project_id}`, payload: { project_id, name, owners, visibility } },
        {
          type: "project.repo.bound",
          key: `project.repo.bound/${project_id}`,
          payload: { project_id, repo_url: `s3://${repoPrefix(tenant_id, project_id)}` },
        },
      ];
    }
    case "git.registry.push": {
      const { project_id, branch } = envelope.params;
      const ref = branchRef(branch);
      const moved = receipt.refs.find((move) => move.name === ref);
      if (moved === undefined) return [];
      const action = moved.new === ZERO_ID ? "delete" : "push";
      const commit = moved.new === ZERO_ID ? moved.old : moved.new;
      return [{ type: "project.activity", key: `project.activity/${jti}`, payload: { project_id, action, actor: actorId, ref, commit } }];
    }
    case "git.registry.tag_release": {
      const { project_id, tag, commit, notes } = envelope.params;
      return [
        {
          type: "project.activity",
          key: `project.activity/${jti}`,
          payload: { project_id, action: "tag", actor: actorId, ref: tagRef(tag), commit },
        },
        {
          type: "project.release.tagged",
          key: `project.release.tagged/${jti}`,
          payload: { project_id, tag, commit, notes_hash: blake3Hex(Buffer.from(notes, "utf8")) },
        },
      ];
    }
  }
}
