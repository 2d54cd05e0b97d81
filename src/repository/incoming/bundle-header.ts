import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";

/** The header of a bundle with one tip. Source: gitformat-bundle(5). */
export interface BundleHeader {
  readonly prerequisites: readonly string[];
  readonly tip: string;
  readonly tipRef: string;
  /** The offset of the pack in the file. */
  readonly packOffsetBytes: number;
  readonly objectCount: number;
}

/** The maximum size of a header, enough for thousands of prerequisites. */
export const BUNDLE_HEADER_MAX_BYTES = 1024 * 1024;

/** Parses the beginning of a bundle of version 2 or 3. Denial: `bundle_invalid`. */
export function parseBundleHeader(start: Buffer): Outcome<BundleHeader> {
  const end = start.indexOf("\n\n");
  if (end === -1) return denyBundle("its header does not end");
  const [signature, ...lines] = start.subarray(0, end).toString("utf8").split("\n");
  const version = /^# v(\d+) git bundle$/.exec(signature ?? "")?.[1];
  if (version !== "2" && version !== "3") return denyBundle(`its version ${version ?? ""} is not 2 or 3`);

  const prerequisites: string[] = [];
  const tips: { id: string; ref: string }[] = [];
  for (const line of lines) {
    const capability = /^@(.*)$/s.exec(line)?.[1];
    const prerequisite = /^-([0-9a-f]{40})(?: .*)?$/s.exec(line)?.[1];
    const [, id, ref] = /^([0-9a-f]{40}) (.+)$/s.exec(line) ?? [];
    if (capability !== undefined && version === "3") {
      if (capability !== "object-format=sha1")
        return denyBundle(`it needs ${JSON.stringify(capability)}; only complete SHA-1 bundles are accepted`);
    } else if (prerequisite !== undefined) prerequisites.push(prerequisite);
    else if (id !== undefined && ref !== undefined) tips.push({ id, ref });
    else return denyBundle("its header has an invalid line; only SHA-1 ids are accepted");
  }
  const [tip, ...others] = tips;
  if (tip === undefined || others.length > 0)
    return denyBundle(
      `it has ${tips.length} tips; make it of exactly one branch, for instance \`git bundle create x.bundle main..feature/x\``,
    );

  const pack = start.subarray(end + 2, end + 14);
  if (pack.length < 12 || pack.toString("latin1", 0, 4) !== "PACK") return denyBundle("no pack follows its header");
  return grantValue({ prerequisites, tip: tip.id, tipRef: tip.ref, packOffsetBytes: end + 2, objectCount: pack.readUInt32BE(8) });
}

function denyBundle(why: string) {
  return denyWith("bundle_invalid", `The bundle is refused: ${why}.`);
}
