import type { IncomingMessage } from "node:http";
import { Pushgateway, Registry } from "prom-client";

export interface PushTarget {
  /** The address of a Prometheus Pushgateway. */
  readonly url: string;
  readonly job: string;
  /** Distinguishes this process from the others of its job. */
  readonly instance: string;
  readonly everyMs: number;
  /** Called after each failed push. */
  onFailure(error: Error): void;
}

export interface MetricsPusher {
  /** Pushes once more and ends. Never throws. */
  stop(): Promise<void>;
}

const PUSH_MAX_MS = 3000;

/**
 * Pushes metrics from a process that listens on no port, every `everyMs` and at the end. A push that fails or takes too long is abandoned
 * and reported; nothing else waits for it.
 */
export function pushMetrics(registries: readonly Registry[], target: PushTarget): MetricsPusher {
  const registry = Registry.merge([...registries]);
  let pushing: Promise<void> = Promise.resolve();
  let isPushing = false;
  const startPush = (): Promise<void> => {
    isPushing = true;
    pushing = sendMetrics(registry, target)
      .catch((error: unknown) => target.onFailure(error instanceof Error ? error : new Error(String(error))))
      .finally(() => {
        isPushing = false;
      });
    return pushing;
  };
  const timer = setInterval(() => {
    if (!isPushing) void startPush();
  }, target.everyMs);
  timer.unref();
  void startPush();
  return {
    async stop() {
      clearInterval(timer);
      await pushing;
      await startPush();
    },
  };
}

/** The time limit covers the whole push; the gateway's own `timeout` option only covers silence. */
async function sendMetrics(registry: Registry, { url, job, instance }: PushTarget): Promise<void> {
  const options = { headers: { "content-type": registry.contentType }, signal: AbortSignal.timeout(PUSH_MAX_MS) };
  const gateway = new Pushgateway(url.replace(/\/+$/, ""), options, registry);
  const { resp } = await gateway.push({ jobName: job, groupings: { instance } });
  const { statusCode = 0 } = resp as IncomingMessage;
  if (statusCode >= 300) throw new Error(`push failed with status ${statusCode}`);
}
