// Lists that come in pages: an update loads again as much as is shown.
import * as api from "../lib/api.js";

const PAGE = 50;
const MOST = 500;

/** Loads a list; `more(visit)` of what comes back adds the next page. */
export async function pages(visit, path, query, { signal, reason } = {}) {
  const asked = JSON.stringify(query);
  if (visit.state.asked !== asked) Object.assign(visit.state, { asked, shown: PAGE });
  const ask = (limit, cursor) => api.get(api.withQuery(path, { ...query, limit, cursor }), { signal, reason });
  const list = await ask(Math.min(visit.state.shown, MOST));
  return {
    ...list,
    async more(of) {
      const next = await ask(PAGE, list.nextCursor);
      of.state.shown += PAGE;
      of.data = { ...list, items: [...list.items, ...next.items], nextCursor: next.nextCursor, more: list.more };
      list.items = of.data.items;
      list.nextCursor = next.nextCursor;
      of.update();
    },
  };
}
