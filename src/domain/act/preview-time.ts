/** How long a plan without a card may take, in milliseconds; that of a card has more time. */
export const PREVIEW_MAX_MS = 20_000;
