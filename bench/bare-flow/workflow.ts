import { condition, defineUpdate, proxyActivities, proxyLocalActivities, setHandler } from "@temporalio/workflow";
import { type LocalSteps, STORE_QUEUE, type StoreSteps } from "./steps.js";

export const waitForEndUpdate = defineUpdate<number, []>("waitForEnd");

const local = proxyLocalActivities<LocalSteps>({ startToCloseTimeout: "10s" });
const store = proxyActivities<StoreSteps>({ taskQueue: STORE_QUEUE, startToCloseTimeout: "10s" });

/** The steps of a push without its checks, git and ledger. */
export async function bareFlow(flow: string): Promise<void> {
  let readBytes: number | undefined;
  setHandler(waitForEndUpdate, async () => {
    await condition(() => readBytes !== undefined);
    return readBytes ?? 0;
  });
  await local.writeRow({ flow, step: "begin" });
  const bytes = await store.useStore(flow);
  await local.writeRow({ flow, step: "end" });
  readBytes = bytes;
}
