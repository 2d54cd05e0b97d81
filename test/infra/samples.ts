import type { InfraCommand } from "../../src/infra/command.js";
import { type InfraRegistry, parseRegistry } from "../../src/infra/model.js";

export const NOW = "2026-01-31T12:00:00.000Z";

export function buildRepoEntry(more: object = {}): Record<string, string> {
  return { state: "enabled", context: "sandbox", process: "infra-cli", reason: "A trial", ...more };
}

/** Formats a registry with these orgs. */
export function formatRegistryOfOrgs(orgs: object): string {
  return `${JSON.stringify({ schema_version: "2.0", orgs }, null, 2)}\n`;
}

/** Parses a registry. @throws with the problems if the text is not a registry. */
export function requireRegistry(text: string): InfraRegistry {
  const parsed = parseRegistry(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value;
}

export function buildRegisterCommand(name: string, more: Partial<Extract<InfraCommand, { action: "register" }>> = {}): InfraCommand {
  return { action: "register", name, context: "sandbox", telemetry_repo: `${name.split("/")[0]}/telemetry`, reason: "A trial", ...more };
}

export function buildUnregisterCommand(name: string): InfraCommand {
  return { action: "unregister", name, confirmDelete: true, reason: "It is over" };
}
