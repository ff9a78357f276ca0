/**
 * A server on a port of this machine that goes down and comes up again, for tests. On `node:http`, where a connection can be
 * dropped without an answer. Unaware of what it serves.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Listens from `up()` until it is disposed. */
export abstract class LocalServer implements AsyncDisposable {
  /** How many connections were made to it. */
  connections = 0;
  #port: number;
  #server: Server | undefined;

  /** A free port, unless told. */
  constructor(port = 0) {
    this.#port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens, again on the same port. */
  async up(): Promise<void> {
    const server = createServer((request, response) => void this.receive(request, response));
    server.on("connection", () => this.connections++);
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Drops all connections and takes none. */
  async down(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.down();
  }

  /** Answers. */
  protected abstract receive(request: IncomingMessage, response: ServerResponse): Promise<void>;
}
