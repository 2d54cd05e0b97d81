/** A place in which two JSON values differ. `path` is a JSON Pointer (RFC 6901); null stands for an absent value. */
export interface JsonDifference {
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** Lists the innermost places in which two JSON values differ. Lists of different lengths differ as a whole. */
export function listJsonDifferences(before: unknown, after: unknown, path = ""): JsonDifference[] {
  if (!isComposite(before) || !isComposite(after) || !isComparable(before, after))
    return Object.is(before, after) ? [] : [{ path, before: before ?? null, after: after ?? null }];
  const members = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...members].sort().flatMap((name) => listJsonDifferences(before[name], after[name], `${path}/${escapePointer(name)}`));
}

/** Formats a value that differs, on up to three lines. */
export function formatDifference(place: string, { before, after }: Pick<JsonDifference, "before" | "after">): string {
  const lines = [
    ...(before === null ? [] : [`  - ${JSON.stringify(before)}`]),
    ...(after === null ? [] : [`  + ${JSON.stringify(after)}`]),
  ];
  return [place, ...lines].join("\n");
}

type Composite = Readonly<Record<string, unknown>>;

function isComposite(value: unknown): value is Composite {
  return typeof value === "object" && value !== null;
}

function isComparable(before: Composite, after: Composite): boolean {
  if (!Array.isArray(before) || !Array.isArray(after)) return !Array.isArray(before) && !Array.isArray(after);
  return before.length === after.length;
}

function escapePointer(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
