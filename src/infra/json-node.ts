import type { JsonMember, JsonNode } from "./located-json.js";

const NOWHERE = { start: 0, end: 0 };

/** The value without its places. A member called `__proto__` cannot come out of the parser. */
export function plain(node: JsonNode): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "array") return node.items.map(plain);
  return Object.fromEntries(node.members.map(({ key, value }) => [key, plain(value)]));
}

/** The node at a path of member names and indexes, or undefined. */
export function nodeAt(node: JsonNode, path: readonly PropertyKey[]): JsonNode | undefined {
  let found: JsonNode | undefined = node;
  for (const step of path) {
    if (found?.kind === "object") found = memberOf(found, String(step))?.value;
    else found = found?.kind === "array" ? found.items[Number(step)] : undefined;
  }
  return found;
}

export function memberOf(node: JsonNode | undefined, key: string): JsonMember | undefined {
  return node?.kind === "object" ? node.members.find((member) => member.key === key) : undefined;
}

/** A node of our own making, for what a command adds. */
export function madeNode(value: string | Readonly<Record<string, string>>): JsonNode {
  if (typeof value === "string") return { kind: "scalar", span: NOWHERE, raw: JSON.stringify(value), value };
  return { kind: "object", span: NOWHERE, members: Object.entries(value).map(([key, text]) => madeMember(key, madeNode(text))) };
}

function madeMember(key: string, value: JsonNode): JsonMember {
  return { key, raw_key: JSON.stringify(key), key_span: NOWHERE, value };
}

/** The same object with this member replaced where it stands, or added at the end. */
export function withMember(node: JsonNode, key: string, value: JsonNode): JsonNode {
  const members = node.kind === "object" ? node.members : [];
  const known = members.some((member) => member.key === key);
  return {
    kind: "object",
    span: node.span,
    members: known ? members.map((member) => (member.key === key ? { ...member, value } : member)) : [...members, madeMember(key, value)],
  };
}

/** The same object without this member. */
export function withoutMember(node: JsonNode, key: string): JsonNode {
  return node.kind === "object" ? { ...node, members: node.members.filter((member) => member.key !== key) } : node;
}

/** The text of a file: order and spelling as found, two spaces an indent, one newline at the end. */
export function jsonText(node: JsonNode): string {
  return `${indented(node, "")}\n`;
}

function indented(node: JsonNode, indent: string): string {
  if (node.kind === "scalar") return node.raw;
  const inner = `${indent}  `;
  const [open, close] = node.kind === "object" ? ["{", "}"] : ["[", "]"];
  const parts =
    node.kind === "object"
      ? node.members.map(({ raw_key, value }) => `${raw_key}: ${indented(value, inner)}`)
      : node.items.map((item) => indented(item, inner));
  return parts.length === 0 ? `${open}${close}` : `${open}\n${parts.map((part) => inner + part).join(",\n")}\n${indent}${close}`;
}
