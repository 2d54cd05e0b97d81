import type { FlowStatus } from "../../src/domain/card/flow-status.js";
import type { DenialCode } from "../../src/domain/denial.js";
import type { ReplaySetup } from "./replay-setup.js";

/** One way through a workflow, how it ends, and how to drive it. */
export interface Path {
  /** Names the history `test/replay/histories/<name>.json`. */
  readonly name: string;
  readonly status: FlowStatus | "housekept" | "stopped" | "planned";
  readonly denial?: DenialCode;
  /** What the history must hold to be this path: names of activities, local ones too, in this order, others between them. */
  readonly passes: readonly string[];
  /** Goes the path to its end and answers the workflow's id. */
  drive(setup: ReplaySetup): Promise<string>;
}
