/** Loaded before a program: runs what it registers as a cron job at once, and tells when that is meant to run. */

Object.defineProperty(Deno, "cron", {
  value: async (name: string, schedule: string, handler: () => Promise<void>): Promise<void> => {
    console.log(`${name}: ${schedule}`);
    await handler();
  },
});
