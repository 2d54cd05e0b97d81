/** The subject of a line of the log, by the names that every plane uses. */
export interface LogSubject {
  /** The card, else the `jti`; a flow that is no act has its own id. */
  readonly correlation_id: string;
  readonly tenant_id?: string;
}

const KINDS: ReadonlySet<string> = new Set(["card", "act", "finish"]);

/** Reads the subject from a workflow's id: `card/<tenant>/<card>`, `act/<tenant>/<jti>`, `finish/<tenant>/<jti>`. */
export function parseLogSubject(workflowId: string): LogSubject {
  const [kind, tenant_id, id] = workflowId.split("/");
  if (!KINDS.has(kind ?? "") || tenant_id === undefined || id === undefined) return { correlation_id: workflowId };
  return { correlation_id: id, tenant_id };
}
