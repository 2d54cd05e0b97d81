import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject, it } from "vitest";
import { runCampaign } from "../../faults/campaign.js";
import { chooseExtent, SEED } from "../harness/campaign.js";

/** `npm run faults` can run more rounds. */
const ROUNDS = chooseExtent(2, 60);
const seed = chooseExtent(SEED, Date.now() % 1_000_000);

it.skipIf(inject("servers").s3 === undefined)(
  `a registry keeps every invariant under random kills and store faults (seed ${seed})`,
  async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "ogr-campaign-"));
    try {
      const { built } = inject("servers");
      const places = built === undefined ? { dataDir } : { dataDir, built };
      const report = await runCampaign({ rounds: ROUNDS, seed, people: chooseExtent(2, 6), ...places, log: () => undefined });
      expect(report.violations).toEqual([]);
      expect(report.successes).toBeGreaterThan(0);
      expect(Object.values(report.kills).reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(ROUNDS);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  },
  chooseExtent(420_000, 1_500_000),
);
