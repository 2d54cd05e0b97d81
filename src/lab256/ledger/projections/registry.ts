import { buildEffect, type EntryOf, type Projection, toJsonText, toPostgresText, type Writer } from "./effect.js";

type ProjectEvent = "project.activity" | "project.release.tagged";

/** The catalog: projects, releases and the feed of activities. Source: ADR-002 §7. */
export const registryProjection: Projection = {
  "project.registered": (write, { tenant_id, seq, at_ms, payload }) =>
    buildEffect(
      [toProjectRowKey(payload.project_id)],
      write
        .insertInto("registry_projects")
        .values({
          tenant_id,
          project_id: payload.project_id,
          seq,
          name: toPostgresText(payload.name),
          owners: toJsonText(payload.owners),
          visibility: payload.visibility,
          repo_url: null,
          registered_at: at_ms,
          last_activity: at_ms,
        })
        .onConflict((conflict) => conflict.doNothing()),
    ),
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
    return [
      buildEffect(
        [`registry_activity/${seq}`],
        write
          .insertInto("registry_activity")
          .values({ tenant_id, seq, project_id, action, actor, ref: toPostgresText(ref), commit, at_ms }),
      ),
      updateLastActivity(write, entry),
    ];
  },
  "project.release.tagged": (write, entry) => {
    const { tenant_id, seq, at_ms, payload } = entry;
    const { project_id, tag, commit, notes_hash } = payload;
    return [
      buildEffect(
        [`registry_releases/${project_id}/${tag}`],
        write
          .insertInto("registry_releases")
          .values({ tenant_id, project_id, tag, seq, commit, notes_hash, tagged_at: at_ms })
          .onConflict((conflict) => conflict.doNothing()),
      ),
      updateLastActivity(write, entry),
    ];
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
