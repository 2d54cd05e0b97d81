/** Computes the p-th percentile of `values` by nearest rank, rounded to a tenth. */
export function computePercentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.min(sorted.length - 1, Math.max(0, Math.ceil((p / 100) * sorted.length) - 1));
  return Math.round((sorted[rank] ?? Number.NaN) * 10) / 10;
}

/** Computes `part` divided by `whole`, rounded to a hundredth. */
export function computeRatio(part: number, whole: number): number {
  return Math.round((part / whole) * 100) / 100;
}

export function summarizeLatencies(valuesMs: readonly number[]) {
  return { p50_ms: computePercentile(valuesMs, 50), p95_ms: computePercentile(valuesMs, 95), p99_ms: computePercentile(valuesMs, 99) };
}

/** Runs `work` on the items of all lanes, concurrently across lanes and in order within each. */
export async function runInLanes<T>(lanes: readonly (readonly T[])[], work: (item: T) => Promise<void>): Promise<void> {
  await Promise.all(
    lanes.map(async (lane) => {
      for (const item of lane) await work(item);
    }),
  );
}
