import { Registry } from "prom-client";

export interface PushTarget {
  /** Of a Prometheus Pushgateway, or whatever takes its `PUT /metrics/job/…`. */
  readonly url: string;
  readonly job: string;
  /** Tells this process's metrics from those of the others of its job. */
  readonly instance: string;
  readonly everyMs: number;
  /** Told of each push that failed. */
  onFailure(error: Error): void;
}

export interface MetricsPusher {
  /** Pushes once more and ends. Never throws. */
  stop(): Promise<void>;
}

const PUSH_MAX_MS = 3000;

/**
 * Pushes metrics from a process that listens on nothing, every `every_ms` and at the end. A push that fails or hangs is given up and
 * reported; nothing else waits for it.
 */
export function pushMetrics(registries: readonly Registry[], target: PushTarget): MetricsPusher {
  const registry = Registry.merge([...registries]);
  const address = `${target.url.replace(/\/+$/, "")}/metrics/job/${encodeURIComponent(target.job)}/instance/${encodeURIComponent(target.instance)}`;
  let pushing: Promise<void> = Promise.resolve();
  let isPushing = false;
  const startPush = (): Promise<void> => {
    isPushing = true;
    pushing = sendMetrics(registry, address)
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

async function sendMetrics(registry: Registry, address: string): Promise<void> {
  const answer = await fetch(address, {
    method: "PUT",
    headers: { "content-type": registry.contentType },
    body: await registry.metrics(),
    redirect: "error",
    signal: AbortSignal.timeout(PUSH_MAX_MS),
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`The push of metrics was answered with ${answer.status}.`);
}
