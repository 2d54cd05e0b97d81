/** The largest staged object, which is also the largest push. The api refuses a larger upload, and the Runner a larger pack. */
export const STAGED_MAX_BYTES = 512 * 1024 * 1024;
