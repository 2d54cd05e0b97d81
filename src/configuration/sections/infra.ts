import { isAbsolute } from "node:path";
import { z } from "zod";
import { projectIdSchema, tenantIdSchema } from "../../domain/ids.js";
import type { InfraSetting } from "../../infra/source/open.js";
import { describeSetting } from "../environment.js";

const FORMS =
  "Set it to `none` where this deployment keeps no infra registry, or to `registry:<tenant>/<project>` or `file:<absolute path>` where it does.";

const infraSetting = z.string(FORMS).transform((text, context): InfraSetting => {
  if (text === "none") return { kind: "none" };
  const [, tenant, project] = /^registry:([^/]+)\/([^/]+)$/.exec(text) ?? [];
  const [tenant_id, project_id] = [tenantIdSchema.safeParse(tenant), projectIdSchema.safeParse(project)];
  if (tenant_id.success && project_id.success) return { kind: "registry", tenant_id: tenant_id.data, project_id: project_id.data };
  const path = /^file:(.+)$/.exec(text)?.[1];
  // A relative path would name a different file for each working directory.
  if (path !== undefined && isAbsolute(path)) return { kind: "file", path };
  context.addIssue({ code: "custom", message: FORMS });
  return z.NEVER;
});

/** Required, because the absence of an infra registry is never assumed. */
export const infraSettings = {
  OGR_INFRA: describeSetting(
    infraSetting,
    "the infra registry: `none`, `registry:<tenant>/<project>` or `file:<absolute path>`; the same for every process ([infra registry](#infra-registry))",
  ),
};
