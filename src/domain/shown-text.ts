/** Line ends, control characters, and marks that are invisible or change the direction of a text (Unicode UTS #55). */
const UNSAFE = /\r\n|[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\u00AD\u200B\u2060-\u2064\uFEFF\u{E0000}-\u{E007F}]/gu;

/** Returns a text that somebody else wrote as one line that cannot pass for several, nor for another text. A line end is shown as `⏎`. */
export function toShownLine(text: string): string {
  return text.replace(UNSAFE, (found) => (/^(?:\r\n|[\r\n\v\f\u0085\u2028\u2029])$/.test(found) ? "⏎" : "\uFFFD"));
}

/** Returns a value whose texts are all as {@link toShownLine} returns them. */
export function toShownValue<T>(value: T): T {
  if (typeof value === "string") return toShownLine(value) as T;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(toShownValue) as T;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [toShownLine(name), toShownValue(member)])) as T;
}
