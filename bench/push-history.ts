import { actDirectly } from "../src/client/acting.js";
import { preparePush } from "../src/client/git/pushing.js";
import { requireValue } from "../src/client/http/problem.js";
import type { RegistryClient } from "../src/client/http/registry-client.js";

interface History {
  readonly project_id: string;
  readonly branch: string;
  /** The repository whose `main` or other ref is pushed. */
  readonly folder: string;
  readonly ref?: string;
  readonly bundlePath: string;
}

const PATIENCE_MS = 300_000;

/** Bundles and pushes a whole history and waits for the receipt. @throws unless it succeeds. */
export async function pushHistory(client: RegistryClient, history: History): Promise<void> {
  const { params, patch } = await preparePush(client, { ref: "refs/heads/main", ...history });
  const act = { office_id: "office::default", intent: "bench", jobType: "git.registry.push", params, patch, target: "LAB_512" };
  const { command } = requireValue(await actDirectly(client, { ...act, timeoutMs: PATIENCE_MS }));
  if (command.receipt?.status !== "success")
    throw new Error(`The history of ${history.project_id} was not pushed: ${command.denial?.message ?? command.status}`);
}
