import { DefaultLogger, Runtime, Worker, type WorkflowBundle } from "@temporalio/worker";
import { beforeAll, describe, expect, it } from "vitest";
import { loadWorkflowBundle } from "../../src/worker/workflow-bundle.js";
import { changeOfficialAct } from "./changed-bundle.js";
import { listActivityNames, listAttempts, listRecordedNames, readHistory, readResult } from "./histories.js";
import { paths } from "./paths.js";

let current: WorkflowBundle;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger("ERROR", () => undefined) });
  current = await loadWorkflowBundle("plain");
});

/** Replays a history. Returns the error, if any. */
async function replayHistory(workflowBundle: WorkflowBundle, name: string): Promise<Error | undefined> {
  const history = readHistory(name);
  const replayed = Worker.runReplayHistories({ workflowBundle }, [{ workflowId: name, history }]);
  for await (const { error } of replayed) return error;
  throw new Error(`${name} was not replayed`);
}

/** Tells whether `names` contains `wanted` in this order, possibly with others between. */
function passesThrough(names: readonly string[], wanted: readonly string[]): boolean {
  let next = 0;
  for (const name of names) if (name === wanted[next]) next += 1;
  return next === wanted.length;
}

describe("the committed histories", () => {
  it("are exactly those of all paths", () => {
    expect(listRecordedNames().sort()).toEqual(paths.map((path) => path.name).sort());
  });

  it.each(paths)("include $name, whose result and activities are those of its path", ({ name, status, denial, passes }) => {
    const history = readHistory(name);
    const result = readResult(history);
    if (status === "housekept") expect(result.anchored_heads).toBeGreaterThan(0);
    else if (status === "planned") expect(result).toMatchObject({ ok: true, value: { plan_digest: expect.any(String) } });
    else if (status === "stopped") expect(result).toBeUndefined();
    else expect({ status: result.status, denial: result.denial?.code }).toEqual({ status, denial });
    const activities = listActivityNames(history);
    expect(passesThrough(activities, passes), activities.join(", ")).toBe(true);
  });

  it("include a second attempt in command-retried", () => {
    expect(listAttempts(readHistory("command-retried"))).toEqual([2]);
  });

  it("complete the rejection in card-rejected before they close the card", () => {
    const { events } = readHistory("card-rejected");
    const message = events.findIndex((event) => event.eventType === "EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED");
    const kept = events.findIndex((event, at) => at > message && event.eventType === "EVENT_TYPE_WORKFLOW_TASK_COMPLETED");
    const before = { events: events.slice(0, kept) };
    expect(message).toBeGreaterThan(0);
    expect(kept).toBeGreaterThan(message);
    expect([listActivityNames(before).includes("closeCard"), listActivityNames({ events }).includes("closeCard")]).toEqual([false, true]);
  });

  it.each(paths)("include $name, which the current workflows replay", async ({ name }) => {
    expect(await replayHistory(current, name)).toBeUndefined();
  });
});

describe("workflows with an incompatible change", () => {
  it("fail to replay a history", async () => {
    const changed = changeOfficialAct(current, (temporal) => `await ${temporal}.sleep(1);`);
    const problem = await replayHistory(changed, "card-approved");
    expect(problem?.name).toBe("DeterminismViolationError");
  });
});
