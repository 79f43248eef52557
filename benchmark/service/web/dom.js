// Elements from data. Data becomes text or an attribute, never markup: nothing here, or in any
// other module, reads a string as HTML.

const SVG = "http://www.w3.org/2000/svg";
const HERE = new URL(document.baseURI).origin;

/** Return an element; `on` holds its listeners, `class` its classes, all else its attributes. */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Return an element of a drawing. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, { on = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (/^(on|style$|srcdoc$)/i.test(name)) throw new Error(`no attribute ${name} from data`);
    if (name === "href" && !safe(value)) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

/** Links lead to this service or to a file that the page made; a name like "javascript:" nowhere. */
function safe(target) {
  const url = new URL(target, document.baseURI);
  return url.origin === HERE && ["http:", "https:", "blob:"].includes(url.protocol);
}

/** Set an element's text, and touch it only when that is news: a selection in it survives. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Show `items` as children of `parent`, keeping the elements of those that were there before.
 *
 * Focus and selection stay where they are, since nothing that stays is taken out.
 * `make(item)` returns `{element, update(item)}`.
 */
export function keyed(parent, kept, items, make) {
  const wanted = new Set(items.map((item) => item.id));
  for (const [id, row] of kept) {
    if (!wanted.has(id)) {
      row.element.remove();
      kept.delete(id);
    }
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    let row = kept.get(item.id);
    if (!row) kept.set(item.id, (row = make(item)));
    row.update(item);
    if (row.element === place) place = place.nextElementSibling;
    else parent.insertBefore(row.element, place);
  }
}

/** Tell a screen reader, once. */
export function announce(text) {
  say(document.getElementById("live"), text);
}
