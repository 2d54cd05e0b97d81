/** A process for the tests of supervision, controlled by its environment. */
const { CHATTY_MODE, CHATTY_WORDS } = process.env;
console.error("a line that is no JSON");
if (CHATTY_MODE === "fail") throw new Error("the configuration names no queue");
if (CHATTY_MODE === "stubborn") process.on("SIGTERM", () => console.log("not yet"));
console.log(JSON.stringify({ ready: false }));
console.log(JSON.stringify({ ready: true, words: CHATTY_WORDS, names: Object.keys(process.env).sort() }));
setInterval(() => undefined, 1_000);
