import { sleep } from "@temporalio/workflow";
import type { FlowState } from "../../src/workflows/messages.js";
import { officialAct as committed, type OfficialActInput } from "../../src/workflows/official-act.js";

export { housekeeping } from "../../src/workflows/housekeeping.js";

/** The workflow after a change that running flows could not survive: it waits before it begins. */
export async function officialAct(input: OfficialActInput): Promise<FlowState> {
  await sleep(1);
  return committed(input);
}
