import type { CharterWalk } from "../../../src/decision/charter/walk.js";
import { type PointStore, WalkPoints } from "../../../src/decision/charter/walk-points.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import { type SignedKind, type SigningKey, signObject } from "../../../src/domain/bytes/signature.js";
import type { WalkPoint } from "../../../src/domain/charter/walk-point.js";

export const RELEASE = "1.0.0";

/** Points in memory. */
export class MemoryPoints implements PointStore {
  readonly points = new Map<string, Uint8Array>();
  readonly faults: string[] = [];

  read = async (tenantId: string, kid: string) => this.points.get(`${tenantId}/${kid}`);
  write = async (tenantId: string, kid: string, bytes: Uint8Array) => {
    this.points.set(`${tenantId}/${kid}`, bytes);
  };

  /** Opens them as a process that holds the key. */
  open(key: SigningKey, release = RELEASE): WalkPoints {
    return new WalkPoints({ store: this, key, release, reportFault: (error, what) => this.faults.push(`${what}: ${error}`) });
  }
}

export function signPoint(
  point: WalkPoint & { readonly release?: string },
  key: SigningKey,
  kind: SignedKind = "charter_point",
): Uint8Array {
  return toCanonicalBytes(signObject(kind, { release: RELEASE, ...point }, key));
}

/** Returns everything that a walk answers. */
export function describeWalk(walk: CharterWalk): unknown {
  const { find: _, list, listKeys, listKnownKeys, findKeyAt, listPersonsByEmail, ...newest } = walk.newest;
  const point = walk.toPoint();
  const uses = ["permit", "statement", "receipt", "git", "log"] as const;
  const versions = Array.from({ length: walk.version + 2 }, (_, version) => version);
  return {
    newest,
    records: point.records.map(({ kind }) => [kind, list(kind)]),
    keys: uses.map((use) => [listKeys(use), listKnownKeys(use)]),
    keysAt: point.keys.map(({ jwk }) =>
      uses.map((use) => versions.map((version) => findKeyAt(jwk.kid, use, { charter_version: version }))),
    ),
    authors: point.emails.map(({ email }) => [email, listPersonsByEmail([email])]),
    acts: point.acts.map(({ jti }) => walk.findAct(jti)),
    point,
  };
}
