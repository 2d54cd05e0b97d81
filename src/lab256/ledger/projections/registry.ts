import { toCanonicalText } from "../../../domain/bytes/canonical.js";
import { buildEffect, type EntryOf, insertOnce, type Projection, toPostgresText, type Writer } from "./effect.js";

type ProjectEvent = "project.activity" | "project.release.tagged";

/** The catalog: projects, releases and the activity feed. Source: ADR-002 §7. */
export const registryProjection: Projection = {
  "project.registered": (write, { tenant_id, seq, at_ms, payload }) =>
    insertOnce(write, "registry_projects", toProjectRowKey(payload.project_id), {
      tenant_id,
      project_id: payload.project_id,
      seq,
      name: toPostgresText(payload.name),
      owners: toCanonicalText(payload.owners),
      visibility: payload.visibility,
      registered_at: at_ms,
      last_activity: at_ms,
    }),
  "project.repo.bound": (write, { tenant_id, payload }) =>
    buildEffect(
      [toProjectRowKey(payload.project_id)],
      write
        .updateTable("registry_projects")
        .set({ repo_url: payload.repo_url })
        .where("tenant_id", "=", tenant_id)
        .where("project_id", "=", payload.project_id),
    ),
  "project.activity": (write, entry) => {
    const { tenant_id, seq, at_ms, payload } = entry;
    const { project_id, action, actor, ref, commit } = payload;
    const break_glass = payload.break_glass === undefined ? null : toCanonicalText(payload.break_glass);
    const activity = { tenant_id, seq, project_id, action, actor, ref: toPostgresText(ref), commit, break_glass, at_ms };
    return [
      buildEffect([`registry_activity/${seq}`], write.insertInto("registry_activity").values(activity)),
      updateLastActivity(write, entry),
    ];
  },
  "project.release.tagged": (write, entry) => {
    const { tenant_id, seq, at_ms, payload } = entry;
    const { project_id, tag, commit, notes_hash } = payload;
    const release = { tenant_id, project_id, tag, seq, commit, notes_hash, tagged_at: at_ms };
    return [insertOnce(write, "registry_releases", `registry_releases/${project_id}/${tag}`, release), updateLastActivity(write, entry)];
  },
};

function toProjectRowKey(projectId: string): string {
  return `registry_projects/${projectId}`;
}

function updateLastActivity(write: Writer, { tenant_id, at_ms, payload }: EntryOf<ProjectEvent>) {
  return buildEffect(
    [toProjectRowKey(payload.project_id)],
    write
      .updateTable("registry_projects")
      .set({ last_activity: at_ms })
      .where("tenant_id", "=", tenant_id)
      .where("project_id", "=", payload.project_id),
  );
}
