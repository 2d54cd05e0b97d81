import { patched, sleep } from "@temporalio/workflow";
import type { FlowState } from "../../src/workflows/messages.js";
import { officialAct as committed, type OfficialActInput } from "../../src/workflows/official-act.js";

export * from "../../src/workflows/index.js";

export const PATCH = "waits-before-it-begins";

/** The workflow of a next release, changed as a running flow can survive it: what began before takes the old way. */
export async function officialAct(input: OfficialActInput): Promise<FlowState> {
  if (patched(PATCH)) await sleep(1);
  return committed(input);
}
