import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject, it } from "vitest";
import { runCampaign } from "../../faults/campaign.js";

/** A short one: `npm run faults` runs for as long as one likes. */
it.skipIf(inject("servers").s3 === undefined)(
  "a registry that is killed and whose store is spoiled at random keeps every promise",
  async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "ogr-campaign-"));
    try {
      const { built } = inject("servers");
      const places = built === undefined ? { dataDir } : { dataDir, built };
      const report = await runCampaign({ rounds: 6, seed: 20_261_122, people: 4, ...places, log: () => undefined });
      expect(report.violations).toEqual([]);
      expect(report.successes).toBeGreaterThan(0);
      expect(Object.values(report.kills).reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(6);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  },
  420_000,
);
