/** The maximum size of a staged object, and so of a push. The api refuses a larger upload, and the Runner a larger pack. */
export const STAGED_MAX_BYTES = 512 * 1024 * 1024;
