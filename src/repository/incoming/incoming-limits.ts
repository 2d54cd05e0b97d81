/** What pushed objects may be, each with its unit. */
export interface IncomingLimits {
  readonly pack_max_bytes: number;
  readonly objects_max_count: number;
  readonly blob_max_bytes: number;
  readonly path_max_bytes: number;
}

/**
 * The largest single piece of memory that git may ask for while it unpacks or applies, so that a small patch that unfolds into
 * gigabytes ends early. The exact limits are checked afterwards; this one leaves room for git's own tables.
 */
export function allocationLimit(limits: IncomingLimits): Record<string, string> {
  const tables_bytes = limits.objects_max_count * 128;
  return { GIT_ALLOC_LIMIT: String(Math.max(limits.blob_max_bytes, tables_bytes, 256 * 1024 * 1024) + 1024 * 1024) };
}
