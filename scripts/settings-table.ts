/** Writes the tables of settings into docs/operations/settings.md, between their markers: `node --import tsx scripts/settings-table.ts`. */
import { readFile, writeFile } from "node:fs/promises";
import { formatSettingsTables } from "../src/configuration/table.js";

const FILE = new URL("../docs/operations/settings.md", import.meta.url);
const [BEGIN, END] = ["<!-- settings: made by scripts/settings-table.ts -->", "<!-- end of settings -->"];

const text = await readFile(FILE, "utf8");
const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
if (begin === -1 || end < begin) throw new Error(`docs/operations/settings.md lacks the line ${BEGIN} or, after it, ${END}`);
await writeFile(FILE, `${text.slice(0, begin)}${BEGIN}\n\n${formatSettingsTables()}\n\n${text.slice(end)}`);
