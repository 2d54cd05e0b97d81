import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hashCanonical, toCanonicalBytes, toCanonicalText } from "../../src/domain/bytes/canonical.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";

/** Returns the number with these IEEE 754 bits. */
function parseDouble(bits: string): number {
  return Buffer.from(bits, "hex").readDoubleBE(0);
}

/** Reverses the order of the members at every depth. */
function reverseMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reverseMembers);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reverseMembers(member)]),
  );
}

const anyJson = fc.jsonValue({ maxDepth: 5, stringUnit: "grapheme" });

describe("the examples of RFC 8785", () => {
  test("§3.2.2 and §3.2.4: the sample object has the given UTF-8 bytes", () => {
    const sample: unknown = JSON.parse(
      String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`,
    );
    expect(toCanonicalText(sample)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
    expect(Buffer.from(toCanonicalBytes(sample)).toString("hex")).toBe(
      "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a" +
        "5b3333333333333333332e333333333333332c31652b33302c342e352c302e3030322c31652d32375d" +
        "2c22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d",
    );
  });

  test("§3.2.3: members are ordered by UTF-16 code units, not by code points", () => {
    const sample = {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis",
    };
    const order = [...toCanonicalText(sample).matchAll(/:"([^"]*)"/g)].map((match) => match[1]);
    expect(order).toEqual([
      "Carriage Return",
      "One",
      "Control",
      "Latin Small Letter O With Diaeresis",
      "Euro Sign",
      "Emoji: Grinning Face",
      "Hebrew Letter Dalet With Dagesh",
    ]);
  });

  test.each([
    ["0000000000000000", "0"],
    ["8000000000000000", "0"],
    ["0000000000000001", "5e-324"],
    ["8000000000000001", "-5e-324"],
    ["7fefffffffffffff", "1.7976931348623157e+308"],
    ["ffefffffffffffff", "-1.7976931348623157e+308"],
    ["4340000000000000", "9007199254740992"],
    ["c340000000000000", "-9007199254740992"],
    ["4430000000000000", "295147905179352830000"],
    ["44b52d02c7e14af5", "9.999999999999997e+22"],
    ["44b52d02c7e14af6", "1e+23"],
    ["44b52d02c7e14af7", "1.0000000000000001e+23"],
    ["444b1ae4d6e2ef4e", "999999999999999700000"],
    ["444b1ae4d6e2ef4f", "999999999999999900000"],
    ["444b1ae4d6e2ef50", "1e+21"],
    ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
    ["3eb0c6f7a0b5ed8d", "0.000001"],
    ["41b3de4355555553", "333333333.3333332"],
    ["41b3de4355555554", "333333333.33333325"],
    ["41b3de4355555555", "333333333.3333333"],
    ["41b3de4355555556", "333333333.3333334"],
    ["41b3de4355555557", "333333333.33333343"],
    ["becbf647612f3696", "-0.0000033333333333333333"],
    ["43143ff3c1cb0959", "1424953923781206.2"],
  ])("appendix B: the double %s becomes %s", (bits, text) => {
    expect(toCanonicalText(parseDouble(bits))).toBe(text);
  });

  test.each([["7fffffffffffffff"], ["7ff0000000000000"], ["fff0000000000000"]])("appendix B: the double %s is refused", (bits) => {
    expect(() => toCanonicalText(parseDouble(bits))).toThrow();
    expect(() => toCanonicalText({ a: [parseDouble(bits)] })).toThrow();
  });

  test("§3.2.2.2: a lone surrogate is refused in a value and in a member's name", () => {
    for (const lone of ["\ud800", "a\udc00", "\udc00\ud800"]) {
      expect(() => toCanonicalText(lone)).toThrow();
      expect(() => toCanonicalText({ [lone]: 1 })).toThrow();
    }
    expect(toCanonicalText("\ud83d\ude02")).toBe('"😂"');
  });

  test("§3.2.2.2: only mandatory escapes are used, with lower-case hexadecimal", () => {
    expect(toCanonicalText('\b\t\n\f\r"\\\u0000\u001f\u007f\u2028/<')).toBe(`${String.raw`"\b\t\n\f\r\"\\\u0000\u001f`}\u007f\u2028/<"`);
  });
});

describe("for any JSON", () => {
  test("the canonical text parses to the same value", () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(JSON.parse(toCanonicalText(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test("the canonical text is its own canonical text", () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const text = toCanonicalText(value);
        expect(toCanonicalText(JSON.parse(text))).toBe(text);
      }),
    );
  });

  test("the order of members does not change the hash", () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(hashCanonical(reverseMembers(value))).toBe(hashCanonical(value));
      }),
    );
  });

  test("members are in ascending order of their code units", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.constant(0)), (value) => {
        const written = [...toCanonicalText(value).matchAll(/"((?:[^"\\]|\\.)*)":/gu)].map(
          (match) => JSON.parse(`"${match[1]}"`) as string,
        );
        expect(written).toEqual(Object.keys(value).sort());
      }),
    );
  });

  test("the hash is that of the UTF-8 bytes of the text", () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(Buffer.from(toCanonicalBytes(value)).toString("utf8")).toBe(toCanonicalText(value));
        expect(hashCanonical(value)).toBe(hashBlake3Hex(Buffer.from(toCanonicalText(value), "utf8")));
      }),
    );
  });
});

test("the hash of a known value is stable across releases", () => {
  expect(toCanonicalText({ b: [1, 2, { d: null, c: "ö" }], a: true })).toBe('{"a":true,"b":[1,2,{"c":"ö","d":null}]}');
  expect(hashCanonical({ b: [1, 2, { d: null, c: "ö" }], a: true })).toBe(
    "7fb90b840a4e157a93bce3ad1b5e659cdd7931f27e8a96388ac81032827b43ad",
  );
});

test("an undefined member is omitted", () => {
  expect(toCanonicalText({ a: undefined, b: 1 })).toBe('{"b":1}');
  expect(() => toCanonicalText(undefined)).toThrow(TypeError);
});

test("a member named __proto__ is hashed like any other", () => {
  expect(toCanonicalText(JSON.parse('{"b":1,"__proto__":{"a":2}}'))).toBe('{"__proto__":{"a":2},"b":1}');
});
