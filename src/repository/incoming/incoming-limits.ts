/** The limits of pushed objects. */
export interface IncomingLimits {
  readonly packMaxBytes: number;
  readonly objectsMaxCount: number;
  readonly blobMaxBytes: number;
  readonly pathMaxBytes: number;
}

/**
 * Limits each allocation of git while it unpacks or applies, so that a small patch that expands to gigabytes fails early. Leaves room for
 * git's own tables; the exact limits are checked afterwards.
 */
export function buildAllocationLimitEnv(limits: IncomingLimits): Record<string, string> {
  const tablesBytes = limits.objectsMaxCount * 128;
  return { GIT_ALLOC_LIMIT: String(Math.max(limits.blobMaxBytes, tablesBytes, 256 * 1024 * 1024) + 1024 * 1024) };
}
