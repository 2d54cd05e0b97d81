import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { chooseExtent, chooseRuns } from "../../harness/campaign.js";
import { Clone } from "../../repository/real-git.js";
import { openStage, PROJECT, planTestJob, type Stage, value } from "./stage.js";

const clone = new Clone();
const base = clone.commit("src/a.txt", "one\ntwo\nthree\n");
const baseBundle = clone.bundle("main");
clone.commit("src/a.txt", "one\nTWO\nthree\n", "louder\n\nWith a body.");
clone.commit("b.txt", "b\r\n", "[X-1] add b");
clone.commit("image.png", Buffer.from(Array.from({ length: 300 }, (_, n) => (n * 7919) % 256)), "a picture");

const valid = {
  bundle: clone.bundle("main"),
  thinBundle: clone.bundle("main", [base]),
  series: clone.run(["format-patch", "--stdout", "--binary", `${base}..HEAD`]),
  diff: clone.run(["diff", "--binary", base, "HEAD"]),
};

/** One change of some bytes, and where it happens: a share of their length. */
const mutation = fc.oneof(
  fc.record({ kind: fc.constant("flip" as const), at: fc.double({ min: 0, max: 1, noNaN: true }), bit: fc.integer({ min: 0, max: 7 }) }),
  fc.record({
    kind: fc.constant("cut" as const),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.integer({ min: 1, max: 200 }),
  }),
  fc.record({ kind: fc.constant("end" as const), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({
    kind: fc.constant("insert" as const),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 30 }),
  }),
  fc.record({
    kind: fc.constant("swapLines" as const),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    other: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  fc.record({ kind: fc.constant("repeatLine" as const), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
);

function mutate(bytes: Buffer, change: typeof mutation extends fc.Arbitrary<infer M> ? M : never): Buffer {
  const at = Math.min(bytes.length - 1, Math.floor(change.at * bytes.length));
  switch (change.kind) {
    case "flip": {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << change.bit);
      return flipped;
    }
    case "cut":
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + change.length)]);
    case "end":
      return bytes.subarray(0, at);
    case "insert":
      return Buffer.concat([bytes.subarray(0, at), change.bytes, bytes.subarray(at)]);
    case "swapLines":
    case "repeatLine": {
      const lines = bytes.toString("latin1").split("\n");
      const line = Math.min(lines.length - 1, Math.floor(change.at * lines.length));
      if (change.kind === "repeatLine") lines.splice(line, 0, lines[line] ?? "");
      else {
        const other = Math.min(lines.length - 1, Math.floor(change.other * lines.length));
        [lines[line], lines[other]] = [lines[other] ?? "", lines[line] ?? ""];
      }
      return Buffer.from(lines.join("\n"), "latin1");
    }
  }
}

/** Writes the checksum that ends a pack anew, so that git goes on to the objects. */
function reseal(bundle: Buffer): Buffer {
  const start = bundle.indexOf("PACK");
  if (start === -1 || bundle.length < start + 32) return bundle;
  const pack = bundle.subarray(start, -20);
  return Buffer.concat([bundle.subarray(0, start), pack, createHash("sha1").update(pack).digest()]);
}

let stage: Stage;
beforeAll(async () => {
  stage = await openStage("directory");
  await stage.init();
  value(await stage.push(baseBundle, { branch: "feature/base" }));
});
afterAll(() => stage.close());

it.each(Object.keys(valid) as (keyof typeof valid)[])(
  "a mutated %s ends as a plan or a denial, never as a fault of the machine",
  async (kind) => {
    const params = { project_id: PROJECT, branch: "feature/base", expected_old: base, commit_summary: "x" };
    const plan = async (bytes: Buffer) =>
      planTestJob(stage.buildContext(), "git.registry.push", { ...params, subject_hash: await stage.stage(bytes) });
    value(await plan(valid[kind]));
    const property = fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), fc.boolean(), async (changes, isSealed) => {
      const bytes = changes.reduce<Buffer>(mutate, valid[kind]);
      const planned = await plan(isSealed && kind.endsWith("undle") ? reseal(bytes) : bytes);
      if (!planned.ok) expect(planned.denial.message).not.toBe("");
    });
    await fc.assert(property, { ...chooseRuns(25), ...chooseExtent({}, { numRuns: 2500 }) });
  },
  1_200_000,
);
