import type { Output } from "./output.js";

const REDRAW_MS = 250;
const CLEAR_LINE = "\r\u001b[2K";

/** Shows the current step in place of the one before. */
export type Step = (text: string) => void;

/** Runs long work. At a terminal, shows the current step, `first` at the beginning, and its duration, and removes them at the end. */
export async function withProgress<T>(out: Output, first: string, work: (step: Step) => Promise<T>): Promise<T> {
  const { stderr } = process;
  if (out.json || !stderr.isTTY) return work(() => undefined);
  let text = first;
  let since = performance.now();
  const drawLine = (): void => {
    const seconds = Math.floor((performance.now() - since) / 1000);
    const line = seconds === 0 ? `${text} …` : `${text} … ${seconds} s`;
    if (text !== "") stderr.write(CLEAR_LINE + [...line].slice(0, Math.max(1, stderr.columns - 1)).join(""));
  };
  drawLine();
  const timer = setInterval(drawLine, REDRAW_MS);
  try {
    return await work((next) => {
      text = next;
      since = performance.now();
      drawLine();
    });
  } finally {
    clearInterval(timer);
    stderr.write(CLEAR_LINE);
  }
}
