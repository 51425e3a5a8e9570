import { createClient } from "graphql-ws";

const SHOWN = 25;
const REDRAW_MS = 100;

/** The subscriptions of all tabs. GraphiQL ends a stream when its tab is left; here it goes on until it is stopped. */
export class LiveStreams {
  #streams = new Map();
  #listeners = new Set();
  #summary = [];

  constructor({ endpoint, identity }) {
    this.socket = new URL(endpoint);
    this.socket.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";
    this.identity = identity;
    this.tabs = new Tabs();
    identity.subscribe(() => this.#streams.forEach((stream) => stream.reconnect()));
  }

  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** One row per stream: its tab, its operation, how many events came, how many of them were not shown yet. */
  summary = () => this.#summary;

  of(tabId) {
    return this.#streams.get(tabId);
  }

  /** What GraphiQL iterates over: a new stream, or the one this tab left running. */
  run(params, headers) {
    const tabId = this.tabs.activeId;
    const key = JSON.stringify([params, headers]);
    let stream = this.#streams.get(tabId);
    if (stream?.key !== key) {
      stream?.end();
      stream = new Stream({ key, tabId, params, headers, live: this });
      this.#streams.set(tabId, stream);
    }
    this.changed();
    return stream.attach();
  }

  ended(stream) {
    if (this.#streams.get(stream.tabId) === stream) this.#streams.delete(stream.tabId);
    this.changed();
  }

  keepOnly(tabIds) {
    for (const [tabId, stream] of this.#streams) if (!tabIds.includes(tabId)) stream.end();
  }

  changed() {
    this.#summary = [...this.#streams.values()].map((stream) => ({
      tabId: stream.tabId,
      name: stream.params.operationName ?? "subscription",
      received: stream.received,
      unseen: stream.received - stream.seen,
    }));
    for (const listener of this.#listeners) listener();
  }
}

/** Which tab is in front; GraphiQL tells it here before React draws it. */
class Tabs {
  activeId = null;

  changed = ({ tabs, activeTabIndex }) => {
    this.activeId = tabs[activeTabIndex]?.id ?? null;
  };
}

class Stream {
  received = 0;
  seen = 0;
  #newestFirst = [];
  #state = "connecting";
  #over = false;
  #failure = null;
  #iterator = null;

  constructor({ key, tabId, params, headers, live }) {
    Object.assign(this, { key, tabId, params, live });
    const { authorization, "x-api-key": apiKey } = headers;
    this.client = createClient({
      url: live.socket.href,
      retryAttempts: 30,
      shouldRetry: () => true,
      connectionParams: async () => ({
        ...(await live.identity.headers()),
        ...(authorization && { authorization }),
        ...(apiKey && { apiKey }),
      }),
      on: {
        connected: () => this.#become("open"),
        closed: (event) => {
          if (event?.code === 4403) live.identity.forget();
          this.#become(`reconnecting (closed with ${event?.code ?? "an error"})`);
        },
      },
    });
    this.#unsubscribe = this.client.subscribe(params, {
      next: (result) => this.#receive(result),
      error: (error) => this.#finish(error),
      complete: () => this.#finish(null),
    });
  }

  #unsubscribe;

  get attached() {
    return this.#iterator !== null;
  }

  /** Closes the socket; the client opens the next one with the identity of then. */
  reconnect() {
    this.client.terminate();
  }

  end() {
    this.#unsubscribe();
    void this.client.dispose();
    this.#finish(null);
  }

  /** One reader at a time: leaving the tab takes the reader away, stopping in front of it ends the stream. */
  attach() {
    this.#iterator?.close();
    this.#iterator = new Reader(this);
    return this.#iterator;
  }

  detach(reader) {
    if (this.#iterator === reader) this.#iterator = null;
    // GraphiQL tells of a left tab only after it has stopped the stream.
    setTimeout(() => {
      if (!this.attached && this.live.tabs.activeId === this.tabId) this.end();
    });
  }

  /** What the reader shows next, and whether that is the last of it. */
  look() {
    if (this.live.tabs.activeId !== this.tabId) return null;
    this.seen = this.received;
    this.live.changed();
    const view = { live: this.#over ? "ended" : this.#state, received: this.received, newestFirst: this.#newestFirst };
    return { view: this.#failure ? { ...this.#failure, ...view } : view, last: this.#over };
  }

  #receive(result) {
    // A bookmark says only that the stream is alive: the last one is kept, and none is news.
    const before = isBookmark(this.#newestFirst[0]) ? this.#newestFirst.slice(1) : this.#newestFirst;
    this.#newestFirst = [result, ...before].slice(0, SHOWN);
    if (!isBookmark(result)) this.received += 1;
    this.#news();
  }

  #become(state) {
    if (this.#over) return;
    this.#state = state;
    this.#news();
  }

  #finish(error) {
    if (this.#over) return;
    this.#over = true;
    if (error) this.#failure = { errors: asErrors(error) };
    this.live.ended(this);
    this.#news();
  }

  #news() {
    this.live.changed();
    this.#iterator?.wake();
  }
}

const isBookmark = (result) => Object.values(result?.data ?? {})[0]?.kind === "BOOKMARK";

const asErrors = (error) => {
  if (Array.isArray(error)) return error;
  if (error instanceof CloseEvent) return [{ message: `Socket closed with ${error.code} ${error.reason}`.trim() }];
  return [{ message: error.message ?? "The socket could not be opened." }];
};

/** An async iterator that can be closed while it waits, which an async generator can't. */
class Reader {
  #waiting = null;
  #news = true;
  #closed = false;
  #drawnAt = 0;

  constructor(stream) {
    this.stream = stream;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  next() {
    if (this.#closed) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#answer();
    });
  }

  return() {
    this.close();
    this.stream.detach(this);
    return Promise.resolve({ done: true, value: undefined });
  }

  wake() {
    this.#news = true;
    this.#answer();
  }

  close() {
    this.#closed = true;
    this.#waiting?.({ done: true, value: undefined });
    this.#waiting = null;
  }

  // A burst of events is drawn once: the editor takes longer to draw than the socket to bring.
  #answer() {
    if (!this.#waiting || !this.#news || this.#closed) return;
    const wait = this.#drawnAt + REDRAW_MS - Date.now();
    if (wait > 0) {
      setTimeout(() => this.#answer(), wait);
      return;
    }
    const look = this.stream.look();
    if (!look) return;
    this.#news = false;
    this.#drawnAt = Date.now();
    const resolve = this.#waiting;
    this.#waiting = null;
    if (look.last) this.#closed = true;
    resolve({ done: false, value: look.view });
  }
}
