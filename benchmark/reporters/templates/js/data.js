// Where the samples come from: packed in the page, or in script files beside it. A script may be
// loaded where a page lies on a disk; nothing else may.
const element = (id) => document.getElementById(id);
const meta = JSON.parse(element("samples-head").textContent);

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

const packed = new Map(); // file -> its packed text
const asked = new Map(); // file -> the promise of it
const unpacked = new Map(); // page -> its samples; only the last few are kept
const MOST_UNPACKED = 12;

if (meta.folder) {
  window.bench = Object.freeze({
    page: (place, text) => packed.set(meta.files[place], text),
    index: (text) => packed.set("index.js", text),
  });
}

function fetched(file) {
  if (!asked.has(file)) {
    asked.set(file, new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.nonce = meta.nonce;
      script.src = `${meta.folder}/${file}`;
      script.onload = () => resolve(packed.get(file));
      script.onerror = () => {
        asked.delete(file);
        reject(new Error(`cannot read ${meta.folder}/${file}: keep that folder beside this page`));
      };
      document.head.append(script);
    }));
  }
  return asked.get(file);
}

async function indexed() {
  return unpack(meta.folder ? await fetched("index.js") : element("samples-index").textContent);
}

async function page(place) {
  if (!unpacked.has(place)) {
    const inside = element(`samples-page-${place}`);
    const text = inside ? inside.textContent : await fetched(meta.files[place]);
    unpacked.set(place, await unpack(text));
    while (unpacked.size > MOST_UNPACKED) unpacked.delete(unpacked.keys().next().value);
  }
  return unpacked.get(place);
}

async function sampleAt(place) {
  return (await page(Math.floor(place / meta.page)))[place % meta.page];
}
