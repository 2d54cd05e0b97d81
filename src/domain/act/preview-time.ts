/** The maximum time for a plan without a card, in milliseconds. A card's plan may take longer. */
export const PREVIEW_MAX_MS = 20_000;
