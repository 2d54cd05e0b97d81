import type { FlowStatus } from "../../src/domain/card/flow-status.js";
import type { DenialCode } from "../../src/domain/denial.js";
import type { ReplaySetup } from "./replay-setup.js";

/** A path through a workflow, its end, and how to drive it. */
export interface Path {
  /** Names the history `test/replay/histories/<name>.json`. */
  readonly name: string;
  readonly status: FlowStatus | "housekept" | "stopped" | "planned";
  readonly denial?: DenialCode;
  /** The activities, including local ones, that the history of this path must contain in this order, possibly with others between. */
  readonly passes: readonly string[];
  /** Drives the path to its end. Returns the workflow's id. */
  drive(setup: ReplaySetup): Promise<string>;
}
