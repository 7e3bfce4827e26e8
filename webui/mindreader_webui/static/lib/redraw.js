// Lists that change while somebody looks at them: an element that is still meant keeps the focus, the finger on it, and
// whether it is open.

/** Listeners that `h` sets. */
const LISTENERS = /** @type {const} */ (["onclick", "onchange", "oninput", "onsubmit"]);

/**
 * Make these the children of an element. Where a child of before is meant by one of them, it stays, with the text,
 * attributes and listeners of the new one; what is meant keeps its order, or is made anew.
 *
 * @param {Element} parent
 * @param {...(Node|string)} children
 */
export function redraw(parent, ...children) {
  const before = [...parent.childNodes];
  let from = 0;
  const now = children.map((child) => {
    const node = typeof child === "string" ? new Text(child) : child;
    const at = before.findIndex((old, index) => index >= from && meaningOf(old) === meaningOf(node));
    const old = before[at];
    if (!old) return node;
    from = at + 1;
    return renewed(old, node);
  });
  const kept = new Set(now);
  for (const old of before) if (!kept.has(old)) old.remove();
  now.forEach((node, index) => {
    const there = parent.childNodes[index] ?? null;
    if (there !== node) parent.insertBefore(node, there);
  });
}

/** What is pressed is the same only under the same name; of entries of a list `data-key` says which it is. @param {Node} node */
function meaningOf(node) {
  if (!(node instanceof HTMLElement)) return node.nodeName;
  const isPressed = node.matches("button, a");
  return [node.nodeName, node.dataset.key ?? (isPressed ? node.textContent : node.id)].join(" ");
}

/** @param {ChildNode} old @param {Node} node */
function renewed(old, node) {
  if (old === node) return old;
  if (old instanceof Text && node instanceof Text) {
    if (old.data !== node.data) old.data = node.data;
    return old;
  }
  if (!(old instanceof HTMLElement && node instanceof HTMLElement)) return old.isEqualNode(node) ? old : node;
  for (const { name } of [...old.attributes])
    if (!node.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of node.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const listener of LISTENERS) Reflect.set(old, listener, node[listener]);
  redraw(old, ...node.childNodes);
  return old;
}
