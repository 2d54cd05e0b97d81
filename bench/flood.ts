import { fork } from "node:child_process";
import { once } from "node:events";
import { constants, setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createRegistryClient } from "../src/client/http/registry-client.js";
import { summarizeLatencies } from "./figures.js";
import { generatePushes, tryPush } from "./pushes.js";

/** The retry interval of the flood, which ignores `Retry-After`. */
const AGAIN_MS = 1_000;

/** The client, the target and the concurrency of a flood. */
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
 * Floods from a child process until `stop`. The process has the lowest priority, since its clients represent other machines and must not
 * take CPU from the measured registry.
 */
export function startFlood(order: FloodOrder): { stop(): Promise<FloodResult> } {
  const child = fork(fileURLToPath(import.meta.url), [], { execArgv: ["--import", "tsx"] });
  const ended = once(child, "exit");
  child.send(order);
  return {
    async stop() {
      child.send("stop");
      const early = ended.then(([code]): never => {
        throw new Error(`The flood exited with ${code} without a result; its error is above.`);
      });
      const [result] = await Promise.race([once(child, "message"), early]);
      child.disconnect();
      return result as FloodResult;
    },
  };
}

/** Pushes in concurrent lanes until `isOver`. */
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
