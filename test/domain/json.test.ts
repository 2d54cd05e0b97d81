import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findAmbiguity, parseJson, parseJsonBytes } from "../../src/domain/json.js";

describe("a JSON text", () => {
  it.each([
    ['{"a":1,"a":1}', "a"],
    ['{"a\\u0062":1,"ab":2}', "ab"],
    ['[{"a":[1,{"x":1,"x":1}]}]', "0.a.1.x"],
    ['{"a":12345678901234567890}', "a"],
    ['{"a":0.10000000000000000555}', "a"],
    ['{"a":1e400}', "a"],
    [`{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, "a"],
    ['{"a":{"__proto__":1}}', "a.__proto__"],
    [`{"a":"${"x".repeat(5000)}","a":1}`, "a"],
    // What stands between two texts can be long too.
    [`{"pad":[${"0,".repeat(1000)}0],"a":1,"a":2}`, "a"],
    [`{"pad":"\\"${"\\\\".repeat(1000)}","a":12345678901234567890}`, "a"],
    [`{"b":"x"${" ".repeat(2000)},"c":{"a":1,"a":2}}`, "c.a"],
  ])("with two meanings is refused by the member: %s", (text, field) => {
    expect(findAmbiguity(text)?.field).toBe(field);
    expect(parseJson(text)).toBeUndefined();
    expect(parseJsonBytes(Buffer.from(text))).toBeUndefined();
  });

  it.each(['{"a":{"b":1},"b":{"b":1}}', "[1.0,1e3,-0,5e-324,1.7976931348623157e308,100000000000000000000000]", '{"a":"\\ud83d\\ude00"}'])(
    "with one meaning is read: %s",
    (text) => {
      expect(parseJson(text)).toEqual(JSON.parse(text));
    },
  );

  it("that JSON.stringify wrote has one meaning", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!/__proto__|prototype/.test(text));
        expect(findAmbiguity(text)).toBeUndefined();
      }),
    );
  });
});
