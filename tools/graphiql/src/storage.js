const PREFIX = "shelfgraph.";
const TABS = "graphiql:tabState";
const OF_THE_TAB_IN_FRONT = { "graphiql:query": "query", "graphiql:variables": "variables", "graphiql:headers": "headers" };

/**
 * Where GraphiQL keeps its tabs and settings. Other GraphiQL pages served from this host and port keep theirs apart.
 *
 * GraphiQL writes tabs, document and variables down at different moments and, when a reload comes in between, opens a
 * tab of mixed contents. Here the tabs are the only truth: the other keys are read from the one in front.
 */
export class TabStorage {
  #latest = null;

  constructor({ defaultTabs, keepHeaders }) {
    this.defaultTabs = defaultTabs;
    this.keepHeaders = keepHeaders;
    addEventListener("pagehide", () => this.#writeTabs());
  }

  /** GraphiQL's `onTabChange`: what to write down when the page is left before GraphiQL has. */
  remember(tabsState) {
    this.#latest = tabsState;
  }

  get length() {
    return this.#keys().length;
  }

  getItem(key) {
    const part = OF_THE_TAB_IN_FRONT[key];
    return part ? (this.#tabInFront()?.[part] ?? null) : localStorage.getItem(PREFIX + key);
  }

  setItem(key, value) {
    if (!(key in OF_THE_TAB_IN_FRONT)) localStorage.setItem(PREFIX + key, value);
  }

  removeItem(key) {
    localStorage.removeItem(PREFIX + key);
  }

  clear() {
    this.#latest = null;
    for (const key of this.#keys()) localStorage.removeItem(key);
  }

  #keys() {
    return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
  }

  #tabInFront() {
    const stored = localStorage.getItem(PREFIX + TABS);
    if (stored === null) return this.defaultTabs[0];
    try {
      const { tabs, activeTabIndex } = JSON.parse(stored);
      return tabs[activeTabIndex];
    } catch {
      return this.defaultTabs[0];
    }
  }

  #writeTabs() {
    if (this.#latest === null) return;
    const { tabs, activeTabIndex } = this.#latest;
    const keepHeaders = this.keepHeaders && this.getItem("graphiql:shouldPersistHeaders") !== "false";
    const kept = tabs.map((tab) => ({ ...tab, hash: null, response: null, headers: keepHeaders ? tab.headers : null }));
    this.setItem(TABS, JSON.stringify({ activeTabIndex, tabs: kept }));
  }
}
