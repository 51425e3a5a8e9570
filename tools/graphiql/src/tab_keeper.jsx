import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect, useRef } from "react";

/** Draws nothing. Takes the reader off a stream whose tab was left, and puts it back when the tab is in front again. */
export function TabKeeper({ live }) {
  const { run, stop } = useGraphiQLActions();
  const { tabs, activeTabIndex, operationName, responseEditor } = useGraphiQL((state) => ({
    tabs: state.tabs,
    activeTabIndex: state.activeTabIndex,
    operationName: state.operationName,
    responseEditor: state.responseEditor,
  }));
  const activeId = tabs[activeTabIndex]?.id ?? null;
  const ids = tabs.map((tab) => tab.id).join();
  const shown = useRef(activeId);

  if (live.tabs.activeId === null) live.tabs.activeId = activeId;

  useEffect(() => live.keepOnly(ids.split(",")), [live, ids]);

  useEffect(() => {
    // A new tab is opened without the old one's stream being stopped: its answers would be written into the new one.
    if (shown.current !== activeId && live.of(shown.current)?.attached) stop();
  }, [live, activeId, stop]);

  useEffect(() => {
    if (shown.current === activeId) return;
    const stream = live.of(activeId);
    if (!stream) {
      shown.current = activeId;
      return;
    }
    // The editor reads the document a moment after the tab has changed; until then it would run the tab before.
    if ((stream.params.operationName ?? null) !== (operationName ?? null)) return;
    shown.current = activeId;
    if (!stream.attached && responseEditor) void run();
  }, [live, activeId, operationName, responseEditor, run]);

  return null;
}
