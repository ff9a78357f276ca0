/**
 * Stands in for a service of others: it knows where ships are, is slow, fails now and then, and bears no more than three
 * requests at once.
 *
 * @module
 */

/** A service that listens until it is disposed. */
export interface Service extends AsyncDisposable {
  readonly url: string;
}

/** Starts it on a free port of this machine. */
export function startService(): Service {
  let underWay = 0;
  const answers = new Map<string, number>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const times = (answers.get(pathname) ?? 0) + 1;
    answers.set(pathname, times);
    if (underWay >= 3) return new Response("Too many requests", { status: 429 });
    underWay++;
    try {
      const number = Number(pathname.slice(1));
      await new Promise((resolve) => setTimeout(resolve, 40 + (number * 37) % 60));
      // Every fifth question has to be asked twice.
      if (number % 5 === 0 && times === 1) return new Response("Out of order", { status: 503 });
      return Response.json({ ship: number, latitude: number / 2, longitude: -number / 3 });
    } finally {
      underWay--;
    }
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
