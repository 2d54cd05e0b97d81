import type { z } from "zod";
import type { RegistryClient } from "../../client/http/registry-client.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { UsageError } from "../failure.js";
import type { Output } from "./output.js";

/** Prints what would be sent, by whom and to which registry. */
export function printDryRun(out: Output, client: RegistryClient, act: Readonly<Record<string, unknown>>, text: string): void {
  const { connection, tenant_id, actor_id } = client;
  out.print(
    { dry_run: true, server: connection.server, tenant_id, actor_id, ...act },
    `${text}\n  to        ${connection.server}, ${tenant_id}, as ${actor_id}\nNothing was changed (--dry-run).`,
  );
}

/** Refuses locally what the registry would refuse at once. @throws UsageError naming every bad field */
export function parseParams<T>(schema: z.ZodType<T>, params: unknown): T {
  const parsed = parseWith(schema, params);
  if (parsed.ok) return parsed.value;
  throw new UsageError(formatProblems(parsed.problems));
}
