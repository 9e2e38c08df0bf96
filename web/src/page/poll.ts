/** Asks again and again, never two at a time, and not at all while nobody looks. */

export interface Poll {
  /** Now, and from here on at the usual pace. */
  poke: () => void;
  stop: () => void;
}

export function poll(action: () => Promise<unknown>, ms: number): Poll {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running = false;
  let again = false;
  let stopped = false;
  const run = async (): Promise<void> => {
    clearTimeout(timer);
    if (stopped) return;
    if (running) return void (again = true);
    running = true;
    if (!document.hidden) await action().catch(() => undefined);
    running = false;
    if (again) {
      again = false;
      return run();
    }
    timer = setTimeout(() => void run(), ms);
  };
  const seen = (): void => void (document.hidden || run());
  document.addEventListener("visibilitychange", seen);
  void run();
  return {
    poke: () => void run(),
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    },
  };
}
