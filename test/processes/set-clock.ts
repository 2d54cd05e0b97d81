/** Shifts the clock of this process, as on a host without NTP. Timers are not affected. */
export function setClock(aheadMs: number): void {
  const Right = Date;
  const now = () => Right.now() + aheadMs;
  globalThis.Date = new Proxy(Right, {
    construct: (_, args, self) => Reflect.construct(Right, args.length === 0 ? [now()] : args, self),
    get: (_, name, self) => (name === "now" ? now : Reflect.get(Right, name, self)),
  });
}
