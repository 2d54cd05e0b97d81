/** The preamble of a WebAssembly module: `\0asm` and version 1. Source: WebAssembly Core 1.0 §5.5.16. */
const PREAMBLE = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);
const CUSTOM = 0;
const U32_MAX_BYTES = 5;

/** The bytes are not a WebAssembly module, or a truncated one. */
export class WasmFormatError extends Error {
  override readonly name = "WasmFormatError";
}

interface Section {
  readonly start: number;
  readonly end: number;
  /** The name of a custom section; undefined for any other. */
  readonly name: string | undefined;
  /** The offset of the content, after a custom section's name. */
  readonly content: number;
}

/** An unsigned LEB128 integer below 2^32. Source: WebAssembly Core 1.0 §5.2.2. */
export function encodeU32(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) throw new RangeError(`${value} is not an unsigned 32-bit integer.`);
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return Uint8Array.from(bytes);
}

/** The integer at `at` and the offset after it. @throws WasmFormatError if it is too long or truncated. */
export function decodeU32(bytes: Uint8Array, at: number): { readonly value: number; readonly next: number } {
  let value = 0;
  for (let i = 0; i < U32_MAX_BYTES; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) throw new WasmFormatError(`The module ends within an integer at byte ${at}; fetch the file again.`);
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) {
      if (value > 0xffff_ffff) break;
      return { value, next: at + i + 1 };
    }
  }
  throw new WasmFormatError(`The integer at byte ${at} does not fit 32 bits; this is not a WebAssembly module.`);
}

function listSections(wasm: Uint8Array): Section[] {
  if (!PREAMBLE.every((byte, at) => wasm[at] === byte))
    throw new WasmFormatError("The bytes do not begin like a WebAssembly module of version 1; build the policy with `opa build -t wasm`.");
  const sections: Section[] = [];
  for (let start = PREAMBLE.length; start < wasm.length; ) {
    const size = decodeU32(wasm, start + 1);
    const end = size.next + size.value;
    if (end > wasm.length) throw new WasmFormatError(`The section at byte ${start} is cut short; fetch the file again.`);
    sections.push({
      start,
      end,
      ...(wasm[start] === CUSTOM ? readCustomHead(wasm, size.next, end) : { name: undefined, content: size.next }),
    });
    start = end;
  }
  return sections;
}

function readCustomHead(wasm: Uint8Array, at: number, end: number): { readonly name: string; readonly content: number } {
  const length = decodeU32(wasm, at);
  const content = length.next + length.value;
  if (content > end) throw new WasmFormatError(`The name of the custom section at byte ${at} is cut short; fetch the file again.`);
  return {
    name: new TextDecoder().decode(wasm.subarray(length.next, content)),
    content,
  };
}

/** The contents of the custom sections with this name, in their order. @throws WasmFormatError */
export function listCustomSections(wasm: Uint8Array, name: string): Uint8Array[] {
  return listSections(wasm)
    .filter((section) => section.name === name)
    .map((section) => wasm.slice(section.content, section.end));
}

/** The module without its custom sections of this name. @throws WasmFormatError */
export function removeCustomSections(wasm: Uint8Array, name: string): Uint8Array {
  const kept = listSections(wasm).filter((section) => section.name !== name);
  return new Uint8Array(Buffer.concat([PREAMBLE, ...kept.map((section) => wasm.subarray(section.start, section.end))]));
}

/** The module with one custom section of this name, at its end. @throws WasmFormatError */
export function replaceCustomSection(wasm: Uint8Array, name: string, content: Uint8Array): Uint8Array {
  const label = new TextEncoder().encode(name);
  const body = Buffer.concat([encodeU32(label.length), label, content]);
  return new Uint8Array(Buffer.concat([removeCustomSections(wasm, name), Uint8Array.of(CUSTOM), encodeU32(body.length), body]));
}
