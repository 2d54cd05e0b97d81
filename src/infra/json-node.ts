import type { JsonMember, JsonNode } from "./located-json.js";

/** The offset of nodes that no text has. */
const NOWHERE = 0;

/** The value without its places. The parser never returns a member called `__proto__`. */
export function toPlainValue(node: JsonNode): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "array") return node.items.map(toPlainValue);
  return Object.fromEntries(node.members.map(({ key, value }) => [key, toPlainValue(value)]));
}

/** The node at a path of member names and indexes. */
export function findNode(node: JsonNode, path: readonly PropertyKey[]): JsonNode | undefined {
  let found: JsonNode | undefined = node;
  for (const step of path) {
    if (found?.kind === "object") found = findMember(found, String(step))?.value;
    else found = found?.kind === "array" ? found.items[Number(step)] : undefined;
  }
  return found;
}

export function findMember(node: JsonNode | undefined, key: string): JsonMember | undefined {
  return node?.kind === "object" ? node.members.find((member) => member.key === key) : undefined;
}

/** A node that a command adds. */
export function createNode(value: string | Readonly<Record<string, string>>): JsonNode {
  if (typeof value === "string") return { kind: "scalar", start: NOWHERE, raw: JSON.stringify(value), value };
  return { kind: "object", start: NOWHERE, members: Object.entries(value).map(([key, text]) => createMember(key, createNode(text))) };
}

export function createMember(key: string, value: JsonNode): JsonMember {
  return { key, raw_key: JSON.stringify(key), key_start: NOWHERE, value };
}

/** The object with this member replaced in its place, or added at the end. */
export function setMember(node: JsonNode, key: string, value: JsonNode): JsonNode {
  const members = node.kind === "object" ? node.members : [];
  const isKnown = members.some((member) => member.key === key);
  return {
    kind: "object",
    start: node.start,
    members: isKnown
      ? members.map((member) => (member.key === key ? { ...member, value } : member))
      : [...members, createMember(key, value)],
  };
}

/** The object without this member. */
export function removeMember(node: JsonNode, key: string): JsonNode {
  return node.kind === "object" ? { ...node, members: node.members.filter((member) => member.key !== key) } : node;
}

/** The text of a file: the order and spelling of the nodes, an indent of two spaces, one final newline. */
export function formatJson(node: JsonNode): string {
  return `${indentNode(node, "")}\n`;
}

function indentNode(node: JsonNode, indent: string): string {
  if (node.kind === "scalar") return node.raw;
  const inner = `${indent}  `;
  const [open, close] = node.kind === "object" ? ["{", "}"] : ["[", "]"];
  const parts =
    node.kind === "object"
      ? node.members.map(({ raw_key, value }) => `${raw_key}: ${indentNode(value, inner)}`)
      : node.items.map((item) => indentNode(item, inner));
  return parts.length === 0 ? `${open}${close}` : `${open}\n${parts.map((part) => inner + part).join(",\n")}\n${indent}${close}`;
}
