/** What pushed objects may be, each with its unit. */
export interface IncomingLimits {
  readonly packMaxBytes: number;
  readonly objectsMaxCount: number;
  readonly blobMaxBytes: number;
  readonly pathMaxBytes: number;
}

/**
 * The largest single piece of memory that git may ask for while it unpacks or applies, so that a small patch that unfolds into
 * gigabytes ends early. The exact limits are checked afterwards; this one leaves room for git's own tables.
 */
export function buildAllocationLimitEnv(limits: IncomingLimits): Record<string, string> {
  const tablesBytes = limits.objectsMaxCount * 128;
  return { GIT_ALLOC_LIMIT: String(Math.max(limits.blobMaxBytes, tablesBytes, 256 * 1024 * 1024) + 1024 * 1024) };
}
