/**
 * True in `npm run campaign`, which runs the test files that import this module to their full extent. The suite runs them to a smaller one
 * to stay short.
 */
export const isCampaign = process.env.CAMPAIGN !== undefined;

/** Returns the value for the suite or for a campaign. */
export function chooseExtent<T>(inSuite: T, inCampaign: T): T {
  return isCampaign ? inCampaign : inSuite;
}

/** The random seed of the suite. */
export const SEED = 20_261_122;
const CAMPAIGN_FACTOR = 40;

/** Options for fast-check: `inSuite` runs with a fixed seed in the suite, many more with new seeds in a campaign. A failure prints its seed. */
export function chooseRuns(inSuite: number): { numRuns: number; seed?: number } {
  return isCampaign ? { numRuns: CAMPAIGN_FACTOR * inSuite } : { numRuns: inSuite, seed: SEED };
}
