import { NO_INFRA } from "../../domain/act/infra-context.js";
import { grantValue } from "../../domain/denial.js";
import { NO_PROJECT } from "../../domain/ids.js";
import { toRepoPrefix } from "../../domain/storage-key.js";
import type { ObjectStore } from "../../storage/ports.js";
import { limitToReadsBelow } from "../../storage/scoped.js";
import { RegistryFile } from "./registry-file.js";
import { RegistryProject } from "./registry-project.js";
import type { InfraSource } from "./source.js";

/** The configured place of the infra registry; a deployment without one says so. */
export type InfraSetting =
  | { readonly kind: "none" }
  | { readonly kind: "registry"; readonly tenant_id: string; readonly project_id: string }
  | { readonly kind: "file"; readonly path: string };

/** The source of a deployment without an infra registry. */
export const noInfra: InfraSource = {
  kind: "none",
  isKeptBy: () => false,
  resolve: async () => grantValue(NO_INFRA),
  resolveAt: async () => undefined,
};

/** The source can read only the repository that the setting names, whatever else the store has. */
export function openInfraSource(setting: InfraSetting, store: ObjectStore): InfraSource {
  const source = openSource(setting, store);
  // Acts that concern no project are not in the registry.
  return {
    kind: source.kind,
    isKeptBy: (tenantId, projectId) => source.isKeptBy(tenantId, projectId),
    resolve: async (tenantId, projectId) => (projectId === NO_PROJECT ? grantValue(NO_INFRA) : source.resolve(tenantId, projectId)),
    resolveAt: (tenantId, projectId, revision) => source.resolveAt(tenantId, projectId, revision),
  };
}

function openSource(setting: InfraSetting, store: ObjectStore): InfraSource {
  if (setting.kind === "none") return noInfra;
  if (setting.kind === "file") return new RegistryFile(setting.path);
  const { tenant_id, project_id } = setting;
  return new RegistryProject(limitToReadsBelow(store, toRepoPrefix(tenant_id, project_id)), { tenant_id, project_id });
}
