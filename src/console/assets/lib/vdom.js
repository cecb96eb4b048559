// A small view library: `h` describes an element, `render` makes the page look like the description and leaves alone
// what already does, so that focus, selection and scrolling survive an update.

/** Describes an element. `props`: attributes; `on…` handlers; `class`; `style` as an object; `key`; `ref(element)`. */
export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, key: props?.key, children: flat(children, []) };
}

function flat(children, into) {
  for (const child of children) {
    if (Array.isArray(child)) flat(child, into);
    else if (child === null || child === undefined || child === false || child === true) continue;
    else into.push(typeof child === "object" ? child : String(child));
  }
  return into;
}

/** Makes the children of `root` look like `view`. */
export function render(view, root) {
  children(root, flat([view], []), false);
}

function create(view, svg) {
  if (typeof view === "string") return document.createTextNode(view);
  const inside = svg || view.tag === "svg";
  const element = inside
    ? document.createElementNS("http://www.w3.org/2000/svg", view.tag)
    : document.createElement(view.tag);
  attributes(element, {}, view.props);
  children(element, view.children, inside);
  // A select has its value only once it has its options.
  if (view.props.value !== undefined && "value" in element) element.value = view.props.value;
  element.view = view;
  view.props.ref?.(element);
  return element;
}

function update(node, view, svg) {
  if (typeof view === "string") {
    if (node.data !== view) node.data = view;
    return;
  }
  const before = node.view;
  attributes(node, before.props, view.props);
  children(node, view.children, svg || view.tag === "svg");
  // Whoever is typing knows better.
  if (view.props.value !== before.props.value && "value" in node && node !== document.activeElement) node.value = view.props.value ?? "";
  node.view = view;
}

const same = (node, view) =>
  typeof view === "string" ? node.nodeType === 3 : node.view?.tag === view.tag && node.view.key === view.key;

function children(parent, views, svg) {
  const keyed = new Map();
  const rest = [];
  for (const node of parent.childNodes) {
    if (node.view?.key !== undefined) keyed.set(node.view.key, node);
    else rest.push(node);
  }
  let at = parent.firstChild;
  for (const view of views) {
    let node = null;
    if (view.key !== undefined) {
      node = keyed.get(view.key) ?? null;
      if (node && !same(node, view)) node = null;
      if (node) keyed.delete(view.key);
    } else {
      const found = rest.findIndex((old) => same(old, view));
      if (found >= 0) [node] = rest.splice(found, 1);
    }
    if (node) update(node, view, svg);
    else node = create(view, svg);
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
  for (const node of [...keyed.values(), ...rest]) node.remove();
}

const NO_ATTRIBUTE = new Set(["key", "ref", "value", "style"]);

function attributes(element, before, now) {
  for (const name of Object.keys(before)) {
    if (!(name in now) && !NO_ATTRIBUTE.has(name)) attribute(element, name, null);
  }
  for (const [name, value] of Object.entries(now)) {
    if (!NO_ATTRIBUTE.has(name) && before[name] !== value) attribute(element, name, value);
  }
  for (const name of Object.keys(before.style ?? {})) {
    if (!(name in (now.style ?? {}))) element.style.removeProperty(name);
  }
  for (const [name, value] of Object.entries(now.style ?? {})) {
    if (before.style?.[name] !== value) element.style.setProperty(name, value);
  }
}

function attribute(element, name, value) {
  if (name.startsWith("on")) {
    element[name] = value ?? null;
  } else if (name === "checked" || name === "open") {
    element[name] = Boolean(value);
  } else if (value === null || value === undefined || value === false) {
    element.removeAttribute(name);
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}
