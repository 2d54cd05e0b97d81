/**
 * Whether this is `npm run campaign`, which runs in full what the suite runs a slice of, so that the suite stays short. A campaign runs only
 * the files that import this one.
 */
export const isCampaign = process.env.CAMPAIGN !== undefined;

/** What the suite takes of something, or what a campaign does. */
export function chooseExtent<T>(inSuite: T, inCampaign: T): T {
  return isCampaign ? inCampaign : inSuite;
}

/** The seed of what is random in the suite. */
export const SEED = 20_261_122;
const CAMPAIGN_FACTOR = 40;

/** For fast-check: so many runs with a fixed seed in the suite, many more with new seeds in a campaign. A failure prints its seed. */
export function chooseRuns(inSuite: number): { numRuns: number; seed?: number } {
  return isCampaign ? { numRuns: CAMPAIGN_FACTOR * inSuite } : { numRuns: inSuite, seed: SEED };
}
