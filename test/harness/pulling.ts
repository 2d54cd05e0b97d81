import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Target } from "../../src/domain/ids.js";
import type { TenantSeed } from "../../src/lab256/identity/seed.js";
import { createTokenText } from "../../src/lab256/identity/token-text.js";
import type { Founded } from "../../src/stack/founding/founding.js";

/** The api tokens of a tenant's Runners by target. */
export type RunnerTokens = Readonly<Record<Target, string>>;

/** Builds a tenant whose commands are pulled over HTTP, with its people and a Runner for each target. */
export function buildPullTenant(tenant_id: string, people: NonNullable<TenantSeed["actors"]>): { seed: TenantSeed; tokens: RunnerTokens } {
  const tokens = { LAB_512: createTokenText(), LAB_256: createTokenText(), LAB_8GB: createTokenText() };
  const [responsible] = people;
  if (responsible === undefined) throw new Error("A tenant without people has nobody who is responsible for its Runner.");
  const runner = {
    actor_id: "ubl:sid:app:runner",
    person_id: responsible.person_id,
    display_name: "Runner",
    tokens: Object.entries(tokens).map(([target, token]) => ({ name: target, token, runner_target: target as Target })),
  };
  return { seed: { tenant_id, transport: "pull", actors: [...people, runner] }, tokens };
}

/** Creates the environment of a Runner that also pulls over HTTP for the tenants of these tokens. */
export async function createPullingEnvironment(
  { url, dataDir, founded }: { readonly url: string; readonly dataDir: string; readonly founded: Founded },
  tokens: Readonly<Record<string, RunnerTokens>>,
): Promise<Record<string, string>> {
  const allowlist = JSON.parse(await readFile(founded.allowlist, "utf8"));
  for (const tenant of Object.keys(tokens)) allowlist.tenants[tenant].network_whitelist.push(new URL(url).host);
  const [allowlistFile, tokensFile] = [join(dataDir, "pull-allowlist.json"), join(dataDir, "pull-tokens.json")];
  const own = Object.fromEntries(Object.entries(tokens).map(([tenant, { LAB_512 }]) => [tenant, LAB_512]));
  await writeFile(allowlistFile, JSON.stringify(allowlist));
  await writeFile(tokensFile, JSON.stringify(own), { mode: 0o600 });
  return { OGR_PULL_API_URL: url, OGR_PULL_TOKENS_FILE: tokensFile, OGR_ALLOWLIST_FILE: allowlistFile, OGR_PULL_EVERY_MS: "200" };
}
