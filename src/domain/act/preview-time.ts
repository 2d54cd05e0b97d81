/** The longest time for a plan without a card, in milliseconds. A card's plan has more. */
export const PREVIEW_MAX_MS = 20_000;
