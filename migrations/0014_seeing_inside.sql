-- Seeing inside: traces that outlive their request.

-- W3C trace id under which the request was handled: the LSP's, or a fresh one. It stands here because callbacks and
-- questions leave later, perhaps from another replica. Null in rows of versions that did not know it; the exchange's
-- own id then stands in.
alter table exchange add column w3c_trace_id uuid;
-- Copied, because an unasked or interim callback names no exchange.
alter table callback add column w3c_trace_id uuid;
