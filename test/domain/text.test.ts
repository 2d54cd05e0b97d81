import { expect, test } from "vitest";
import { findTextProblem } from "../../src/domain/text.js";

test("a text has one spelling, a line no end within it, and a name nothing that its reader does not see", () => {
  const texts = ["a\nb", "a\r\nb", "a\tb", "café", "‏שלום", "👩‍💻"];
  const lines = texts.filter((text) => !/[\r\n\t]/.test(text));
  const refused = ["\0", "\u001b", "a\rb", "\u0085", "\u2028", "\u2029", "\ud800", "cafe\u0301", "\u007f"];
  const invisible = ["\u200b", "\u202e", "\u2066", "\ufeff", "\u00ad", "\u3164", "\u{e0041}", "\ue000"];
  for (const text of texts) expect(findTextProblem(text, "text"), JSON.stringify(text)).toBeUndefined();
  for (const text of [...lines, ...invisible]) expect(findTextProblem(text, "line"), JSON.stringify(text)).toBeUndefined();
  for (const text of ["a\nb", "a\tb"]) expect(findTextProblem(text, "line"), JSON.stringify(text)).toContain("one line");
  for (const kind of ["text", "line", "name"] as const)
    for (const text of refused) expect(findTextProblem(text, kind), `${kind} ${JSON.stringify(text)}`).toBeDefined();
  for (const text of invisible) expect(findTextProblem(`a${text}b`, "name"), JSON.stringify(text)).toContain("invisible");
});
