// News from the server as it happens: server-sent events over fetch, because an EventSource cannot carry a header.
import { credentials } from "./api.js";

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
/** How often to look where there is no stream of news. */
const POLL = 10_000;

/** Calls `changed({topics})` on news and `standing("live" | "away" | "polling")` when the stream comes or goes. */
export function listen(changed, standing) {
  const end = new AbortController();
  run(end.signal, changed, standing);
  return () => end.abort();
}

async function run(signal, changed, standing) {
  let wait = FIRST_WAIT;
  let first = true;
  while (!signal.aborted) {
    try {
      const headers = { accept: "text/event-stream", ...credentials() };
      const response = await fetch("/admin/live", { headers, signal, cache: "no-store" });
      if (response.status === 404 || response.status === 403) {
        standing("polling");
        await pause(POLL, signal);
        changed({ topics: [] });
        continue;
      }
      if (!response.ok) throw new Error(String(response.status));
      standing("live");
      wait = FIRST_WAIT;
      // What happened while nobody listened.
      if (!first) changed({ topics: [] });
      first = false;
      await read(response.body, changed);
    } catch {
      if (signal.aborted) return;
    }
    standing("away");
    await pause(wait + Math.random() * 500, signal);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }
}

async function read(body, changed) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    held += value.replaceAll("\r\n", "\n");
    const blocks = held.split("\n\n");
    held = blocks.pop();
    for (const block of blocks) tell(block, changed);
  }
}

function tell(block, changed) {
  let event = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).trim());
  }
  if (event !== "changed") return;
  try {
    changed({ topics: [], ...JSON.parse(data.join("\n") || "{}") });
  } catch {
    changed({ topics: [] });
  }
}

const pause = (ms, signal) =>
  new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); done(); }, { once: true });
  });
