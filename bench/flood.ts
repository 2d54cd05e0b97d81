import { fork } from "node:child_process";
import { once } from "node:events";
import { constants, setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createRegistryClient } from "../src/client/http/registry-client.js";
import { summarizeLatencies } from "./figures.js";
import { generatePushes, tryPush } from "./pushes.js";

/** How soon who floods asks again, whatever `Retry-After` says: it is not polite. */
const AGAIN_MS = 1_000;

/** Who floods what, with how many pushes at the same time. */
export interface FloodOrder {
  readonly server: string;
  readonly token?: string;
  readonly tenant_id: string;
  readonly actor_id: string;
  readonly project_ids: readonly string[];
  readonly lanes: number;
}

export type FloodResult = ReturnType<typeof summarizeLatencies> & { readonly pushes_per_s: number; readonly refused: number };

/**
 * Floods from a process of its own until `stop`. Its clients stand for other machines: what they compute shall take no processor from
 * the registry that is measured, so the process has the lowest priority.
 */
export function startFlood(order: FloodOrder): { stop(): Promise<FloodResult> } {
  const child = fork(fileURLToPath(import.meta.url), [], { execArgv: ["--import", "tsx"] });
  const ended = once(child, "exit");
  child.send(order);
  return {
    async stop() {
      child.send("stop");
      const early = ended.then(([code]): never => {
        throw new Error(`The flood ended with ${code} before it told what it did; its error stands above.`);
      });
      const [result] = await Promise.race([once(child, "message"), early]);
      child.disconnect();
      return result as FloodResult;
    },
  };
}

/** Pushes in `lanes` at once until `isOver`. */
async function runFlood(order: FloodOrder, isOver: () => boolean): Promise<FloodResult> {
  const client = createRegistryClient(order, order);
  const tookMs: number[] = [];
  let refused = 0;
  const started = performance.now();
  let elapsedS = 0;
  await Promise.all(
    Array.from({ length: order.lanes }, async (_, lane) => {
      const pushes = generatePushes(order.project_ids[lane % order.project_ids.length] ?? "", `review/lane-${lane}`);
      for (let next = pushes.next().value; !isOver(); ) {
        const pushed = await tryPush(client, next);
        if (pushed.done) {
          tookMs.push(pushed.tookMs);
          elapsedS = (performance.now() - started) / 1000;
          next = pushes.next().value;
        } else {
          refused += 1;
          await sleep(AGAIN_MS);
        }
      }
    }),
  );
  return { pushes_per_s: Math.round((tookMs.length / elapsedS) * 10) / 10, refused, ...summarizeLatencies(tookMs) };
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.send !== undefined) {
  setPriority(constants.priority.PRIORITY_LOW);
  let isOver = false;
  process.on("message", async (message: FloodOrder | "stop") => {
    if (message === "stop") isOver = true;
    else process.send?.(await runFlood(message, () => isOver));
  });
}
