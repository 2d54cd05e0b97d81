import { randomBytes } from "node:crypto";
import { ScheduleNotFoundError } from "@temporalio/client";
import { inject } from "vitest";
import { ensureNamespace } from "../../src/stack/servers/temporal-namespace.js";
import { openTemporalClient } from "./temporal-client.js";

/**
 * Creates a Temporal namespace with these search attributes for one test file and waits until the server serves it. Returns its name.
 * `name` only helps to recognise it.
 */
export async function createNamespace(name: string, searchAttributes: readonly string[] = []): Promise<string> {
  const unique = `${name}-${randomBytes(4).toString("hex")}`;
  await ensureNamespace({ address: inject("servers").temporal_address }, unique, searchAttributes);
  return unique;
}

/** Deletes the schedule of housekeeping, if there is one: it would run, and cost the server, long after its workers have stopped. */
export async function deleteHousekeeping(namespace: string): Promise<void> {
  const { client, close } = await openTemporalClient({ address: inject("servers").temporal_address, namespace });
  try {
    await client.schedule.getHandle("housekeeping").delete();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  } finally {
    await close();
  }
}
